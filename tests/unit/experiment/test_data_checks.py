"""Problems are reported before the data are read, or before anything is made of them, without torch or Ray."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sgg.config import validate
from sgg.detector import save_detector
from sgg.detector.model import Detector
from sgg.detector.proposals import RANDOM
from sgg.experiment.data_checks import check_metric, open_data, open_for_training, split_of
from sgg.methods.plugin_files import PluginError
from tests.plugins import loaded


@pytest.fixture
def opened(toy_root):
    """Opens the toy genome with some settings."""
    def opened(**sections):
        return open_data(validate({"data": {"name": "toy", "root": str(toy_root)}, **sections}))
    return opened


@pytest.mark.parametrize(("part", "folder"), [("detector", "toy/detector/VG_100K"), ("val", "toy/VG_100K")])
def test_open_data_checks_the_image_files_that_will_be_read(opened, toy_root, tmp_path, part, folder):
    """Also those that train the detector, unless a trained detector is given."""
    path = opened().split(part).image_path(0)
    assert path.parent == toy_root / folder
    content = path.read_bytes()
    save_detector(Detector("tiny", 25), tmp_path / "trained", {})
    try:
        path.write_bytes(content[:-2])
        with pytest.raises(ValueError, match=rf"1 of \d+ images of {part} of .* cannot be used .*\n  image file {path} "
                                             "cannot be read, or is cut off"):
            opened()
        if part == "detector":
            opened(detector={"weights": str(tmp_path / "trained")})
    finally:
        path.write_bytes(content)


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setattr("sgg.experiment.data_checks.open_with", lambda *_, **__: pytest.fail("data were read"))


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize(("sections", "kind", "message"), [
    ({"training": {"device": "foo"}}, ValueError, r"training\.device must be auto, cpu, cuda or another.*foo"),
    ({"training": {"device": "cuda:99"}}, ValueError, r"training\.device is cuda:99, but torch sees "),
    ({"embeddings": {"source": "glove"}}, FileNotFoundError,
     r"embeddings\.source is glove.*/glove/glove\.6B\.200d\.txt.*python -m sgg"),
    ({"embeddings": {"source": "glove", "path": "v.txt"}}, FileNotFoundError, r"embeddings\.source.*v\.txt"),
    ({"detector": {"weights": "absent.tar"}}, FileNotFoundError,
     r"detector\.weights.*absent\.tar.*data\.root.*detector\.weights=\.\.\."),
])
def test_check_files_refuses_files_and_devices(opened, sections, kind, message) -> None:
    with pytest.raises(kind, match=message):
        opened(**sections)


@pytest.mark.parametrize(("method", "most"), [("neigh", 23), ("graphn", 22)])
def test_check_classes_refuses_more_neighbours_than_classes(opened, method, most) -> None:
    """The toy genome has 24 classes; GraphN exchanges one drawn class for another that is not the original either."""
    gan = {"enabled": True, "perturb": {"method": method, "topk": most}}
    assert len(opened(gan=gan).classes) == 25
    gan["perturb"]["topk"] = most + 1
    with pytest.raises(ValueError, match=rf"perturb\.topk must be at most {most} for {method} with the 24 classes of"):
        opened(gan=gan)
    with pytest.raises(ValueError, match=r"perturb\.topk 99 has no effect, since .*perturb\.method is rand"):
        opened(gan=gan | {"perturb": {"method": "rand", "topk": 99}})


@pytest.mark.parametrize(("sections", "images"), [({}, 32), ({"data": {"train_images": 9}}, 9)])
def test_open_for_training_requires_a_batch(toy_root, sections, images) -> None:
    """The error comes before anything is trained, and only if something is trained."""
    def config(batch_size, **training):
        data = {"name": "toy", "root": str(toy_root), **sections.get("data", {})}
        return validate({"data": data, "training": {"batch_size": batch_size, "drop_last": True, **training}})

    open_for_training(config(images))
    with pytest.raises(ValueError, match=rf"training\.drop_last .* {images} training images .* fewer than "
                                         rf"training\.batch_size, {images + 1}, .* at most {images}, or "
                                         r"training\.drop_last=false"):
        open_for_training(config(images + 1))
    open_for_training(config(images + 1, drop_last=False))
    open_for_training(config(images + 1, epochs=0))
    open_data(config(images + 1))


SGDET = [({"training": {"mode": "sgdet"}}, r"^sgdet in training\.mode"),
         ({"evaluation": {"modes": ["sgcls", "sgdet"]}}, r"^sgdet in evaluation\.modes")]


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize(("sections", "beginning"), SGDET)
def test_check_files_refuses_sgdet_with_a_detector_without_proposals(opened, tmp_path, sections, beginning) -> None:
    """The file of Neural Motifs, and its imported detector."""
    torch.save({"state_dict": {"roi_fmap.0.weight": torch.zeros(1), "features.0.weight": torch.zeros(1)}},
               tmp_path / "vg-faster-rcnn.tar")
    save_detector(Detector("tiny", 25), tmp_path / "imported", RANDOM)
    for name in ("vg-faster-rcnn.tar", "imported"):
        with pytest.raises(ValueError, match=beginning + r" needs boxes that .* is Neural Motifs' detector"):
            opened(detector={"weights": str(tmp_path / name)}, **sections)


@pytest.mark.parametrize("sections", [sections for sections, _ in SGDET])
def test_check_files_accepts_detectors_with_proposals(opened, tmp_path, sections) -> None:
    save_detector(Detector("tiny", 25), tmp_path / "trained", {})
    torch.save({"state_dict": {"obj_fc.weight": torch.zeros(1)}}, tmp_path / "vgrel.pth")
    for name in ("trained", "vgrel.pth"):
        opened(detector={"weights": str(tmp_path / name)}, **sections)


def test_open_data_needs_no_torch_for_a_plain_config(toy_root) -> None:
    code = ("import sys, json; from sgg.config import validate; from sgg.experiment.data_checks import open_data; "
            "open_data(validate(json.loads(sys.argv[1]))); print([m for m in ('torch', 'ray') if m in sys.modules])")
    settings = json.dumps({"data": {"name": "toy", "root": str(toy_root)}, "augmentation": {"kind": "gan"}})
    run = subprocess.run([sys.executable, "-c", code, settings], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_check_files_checks_the_width_of_word_vectors_that_are_used(opened, tmp_path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("man 1 2 3\n")
    gan = {"enabled": True, "perturb": {"method": "neigh"}}
    with pytest.raises(ValueError, match=r"vectors\.txt, line 1: expected a word and 200 numbers, got 3; use a file of "
                                         r"200 dimensions, or set embeddings\.dim=3"):
        opened(embeddings={"path": str(vectors)}, gan=gan)
    opened(embeddings={"path": str(vectors)}, gan=gan | {"embedding_dim": 3})
    opened(embeddings={"source": "cooccurrence"}, gan=gan)
    opened(embeddings={"path": str(vectors), "source": "glove"})  # nothing compares classes


@pytest.mark.usefixtures("no_data")
def test_check_files_reports_all_faults_at_once(opened) -> None:
    with pytest.raises(ValueError, match=r"(?s)^3 faults\n  training\.device must be.*\n  embeddings\.source is glove, "
                                         r"but.*\n  detector\.weights: absent\.tar"):
        opened(training={"device": "foo"}, embeddings={"source": "glove"}, detector={"weights": "absent.tar"})


def test_check_metric_refuses_a_metric_that_validation_cannot_measure(opened, toy_root) -> None:
    """The eight validation images have no triplet that occurs more than ten times in training."""
    settings = {"data": {"name": "toy", "root": str(toy_root)}}
    data = opened()
    relations = data.relations_by_subset("val")
    assert relations["zs"] > 0 == relations["100s"]
    assert relations["all"] == len(data.split("val").annotations.relations)
    check_metric(validate(settings), data)
    check_metric(validate(settings | {"search": {"metric": "loss", "mode": "min"}}), data)
    search = {"metric": "val/predcls/100s/mR@50"}
    with pytest.raises(ValueError, match=r"search\.metric val/predcls/100s/mR@50 cannot be measured: validation on toy "
                                         r"genome.* has no relation of the subset 100s \(it has zs \d+, 10s \d+, 100s "
                                         r"0, all \d+\).* set search\.metric to val/predcls/zs/mR@50 or "
                                         r"val/predcls/10s/mR@50 or val/predcls/all/mR@50, or raise data\.num_val_ima"):
        check_metric(validate(settings | {"search": search}), data)
    opened(search=search)  # a single trial needs no metric


def test_check_metric_counts_only_the_measured_images(opened, toy_root) -> None:
    data = opened()
    first, rest = (data.relations_by_subset("val", images) for images in (1, None))
    assert first["all"] == len(data.split("val").graph(0).relations) < rest["all"]
    settings = {"data": {"name": "toy", "root": str(toy_root), "eval_images": 1},
                "search": {"metric": "val/sgcls/100s/ngR@100"}}
    with pytest.raises(ValueError, match=rf"all {first['all']}\).* or raise data\.eval_images$"):
        check_metric(validate(settings), data)
    settings = {"data": {"name": "toy", "root": str(toy_root)}, "evaluation": {"val_images": 1},
                "search": settings["search"]}
    with pytest.raises(ValueError, match=rf"all {first['all']}\).* or raise evaluation\.val_images$"):
        check_metric(validate(settings), data)


def test_split_of_spreads_validation_over_the_split(opened, toy_root) -> None:
    """Of the first 6 images of val the images 0, 1, 3 and 4; test stays whole."""
    data = opened()

    def images(split: str, **settings: object) -> list[str]:
        found = split_of(validate({"data": {"name": "toy", "root": str(toy_root), "eval_images": 6},
                                   "evaluation": settings}), data, split)
        return [found.image_id(image) for image in range(len(found))]

    whole = images("val")
    assert len(whole) == 6
    assert images("val", val_images=4) == [whole[image] for image in (0, 1, 3, 4)]
    assert images("val", val_images=6) == images("val", val_images=99) == whole
    assert images("test", val_images=4) == images("test")


@pytest.mark.usefixtures("no_data")
def test_check_files_refuses_a_cache_that_cannot_be_written(monkeypatch, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"data\.cache\), .* is no folder; set data\.cache"):
        open_data(validate({"data": {"name": "toy", "root": str(tmp_path), "cache": str(tmp_path / "file" / "cache")}}))
    # A read-only disk, for root too.
    monkeypatch.setattr("sgg.experiment.data_checks.os.access", lambda path, mode: False)
    with pytest.raises(ValueError, match=rf"{tmp_path}/cache \(data\.cache\), .* {tmp_path} is read-only; set data"):
        open_data(validate({"data": {"name": "toy", "root": str(tmp_path)}}))


def test_cache_holds_derived_files(tmp_path) -> None:
    assert validate({"data": {"root": "there"}}).cache == Path("there/cache")
    assert validate({"data": {"root": "there", "cache": str(tmp_path)}}).cache == tmp_path


def test_check_classes_names_the_line_of_a_plugin_that_fails(opened, tmp_path) -> None:
    source = """
from typing import Annotated, Literal
from sgg.methods.augmentation import AUGMENTATIONS, Augmentation
from sgg.settings.roles import trains

@AUGMENTATIONS.register
class Idle(Augmentation):
    kind: Annotated[Literal["idle"], trains(shared=True, tried=True)] = "idle"

    def fault_of_classes(self, classes, data):
        return self.nonsense

    def build(self, parts):
        raise NotImplementedError
"""
    refused = pytest.raises(PluginError, match=r"augmentation: .*idle\.py:11: AttributeError: .*nonsense")
    with loaded(tmp_path / "idle.py", source), refused:
        opened(augmentation="idle")


def test_open_data_refuses_to_train_a_detector_without_boxes(opened, monkeypatch, tmp_path) -> None:
    """Every box is .9 pixels wide; a given detector needs no training."""
    data = opened()
    part = data.split("detector")
    boxes = part.annotations.boxes.copy()
    boxes[:, 2] = boxes[:, 0] + 0.9
    thin = replace(data, detector=replace(part, annotations=replace(part.annotations, boxes=boxes)))
    monkeypatch.setattr("sgg.experiment.data_checks.open_with", lambda *_, **__: thin)
    with pytest.raises(ValueError, match=rf"no image of toy genome.* all {len(boxes):,} boxes are thinner than a "
                                         rf"pixel, for example those of {part.annotations.files[0]}; .*data verify"):
        opened()
    save_detector(Detector("tiny", 25), tmp_path / "trained", {})
    opened(detector={"weights": str(tmp_path / "trained")})


def test_open_data_refuses_a_zero_shot_list_that_does_not_fit(opened, tmp_path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("subject,predicate,object\nno such class,on,table\n")
    with pytest.raises(ValueError, match=r"list\.csv: line 2: subject 'no such class'"):
        opened(evaluation={"zero_shot_list": str(path)})
    with pytest.raises(FileNotFoundError, match=r"no\.csv: no such list of triplets"):
        opened(evaluation={"zero_shot_list": str(tmp_path / "no.csv")})
