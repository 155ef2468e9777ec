"""A small data set in the files of Visual Genome: 150 classes, 50 predicates, few images of random pixels.

And the folder of a search on it.
"""

import json
from pathlib import Path
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FINISHED, TrialRecord

import h5py
import numpy as np
from PIL import Image

from sgg.common.atomic import write_json
from sgg.common.run_log import History
from sgg.config import load
from sgg.experiment.context import Experiment

PAPER = Path(__file__).parents[1] / "tune_configs/paper"
CLASSES, PREDICATES, OBJECTS, RELATIONS = 150, 50, 6, 4


def write_visual_genome(root: Path, seen: int, test: int) -> None:
    """Write the files below `root`/VG. seen: images of train and validation together. test: of test."""
    folder = root / "VG" / "stanford_filtered"
    folder.mkdir(parents=True)
    (root / "VG" / "VG_100K").mkdir()
    rng, images = np.random.default_rng(0), seen + test
    first_box, first_relation = OBJECTS * np.arange(images), RELATIONS * np.arange(images)
    size = rng.integers(60, 400, (images * OBJECTS, 2))
    corner = (rng.random(size.shape) * (np.array([1024, 768]) - size)).astype(int)
    pairs = np.array([[0, 1], [1, 2], [3, 4], [5, 0]]) + first_box[:, None, None]
    with h5py.File(folder / "VG-SGG.h5", "w") as file:
        file["split"] = np.array([0] * seen + [2] * test)
        file["boxes_1024"] = np.concatenate([corner + size // 2, size], axis=1)
        file["labels"] = rng.integers(1, CLASSES + 1, (images * OBJECTS, 1))
        file["relationships"] = pairs.reshape(-1, 2)
        file["predicates"] = rng.integers(1, PREDICATES + 1, (images * RELATIONS, 1))
        for name, first, count in (("box", first_box, OBJECTS), ("rel", first_relation, RELATIONS)):
            file[f"img_to_first_{name}"], file[f"img_to_last_{name}"] = first, first + count - 1
    (folder / "VG-SGG-dicts.json").write_text(json.dumps(
        {"label_to_idx": {f"class{i}": i for i in range(1, CLASSES + 1)},
         "predicate_to_idx": {f"predicate{i}": i for i in range(1, PREDICATES + 1)}}))
    (folder / "image_data.json").write_text(json.dumps(
        [{"width": 500, "height": 375, "url": f"https://example.org/VG_100K/{i}.jpg", "image_id": i}
         for i in range(images)]))
    for i in range(images):
        Image.fromarray(rng.integers(0, 256, (375, 500, 3), np.uint8)).save(root / "VG" / "VG_100K" / f"{i}.jpg")


def write_search(root, folder, backbone="vgg16"):
    """A search over the loss on small files of Visual Genome, as if it had run: settings and data are those of a run,
    the numbers are made up. Returns its folder."""
    write_visual_genome(root, 3, 1)
    source = folder / "search.yaml"
    source.write_text((PAPER / "imp_dnorm.yaml").read_text().replace(
        "loss: {kind: dnorm}", "loss: {kind: {search: grid, of: [baseline, dnorm, dnorm-fgbg]}}"))
    study = load(source, [f"experiment.output={folder}", "evaluation.pred_weight=[0,0.5]", f"data.root={root}",
                          "data.num_val_images=1", "training.epochs=2", f"detector.backbone={backbone}",
                          "detector.weights=null"])
    directory = StudyDirectory.of(study)
    data = Experiment.open(study.trial({"loss.kind": "dnorm"})).provenance()
    directory.begin(study, {"data": data})
    for number, kind in enumerate(("baseline", "dnorm", "dnorm-fgbg")):
        record = TrialRecord(directory.trial(f"t{number}"), {"loss.kind": kind}, FINISHED)
        record.write()
        config = study.trial(record.values)
        write_json(record.directory / "config.json", {"config": config.model_dump(mode="json"), "data": data})
        values = {f"{mode}/{subset}/ngR@100{suffix}": 0.1 + number / 10 for mode in ("sgcls", "predcls")
                  for subset in ("zs", "10s", "100s", "all") for suffix in ("", "/x0.5")}
        History(record.directory).append(1, {"loss": 1.0, **{f"val/{name}": value for name, value in values.items()}})
        write_json(record.directory / "test.json", {f"test/{name}": value for name, value in values.items()})
    return directory.path
