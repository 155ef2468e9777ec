"""The training images in which statistics are counted, compared with the reference on the miniature Visual Genome."""

from pathlib import Path

import numpy as np
import pytest

from sgg.config import validate
from sgg.data.readers.visual_genome import open_visual_genome
from sgg.experiment.context import Experiment
from sgg.perturbations.contexts import Contexts

FILES = Path(__file__).parents[2] / "golden" / "files"
FILTERS = {
    "sgcls.train": {},
    "sgdet.train": {"training": {"mode": "sgdet"}},
    "graph3to8.train": {"data": {"min_objects": 4, "max_objects": 8}},  # the reference's lower bound is exclusive
}


@pytest.mark.parametrize("name", FILTERS)
def test_experiment_counts_the_filtered_training_images(name) -> None:
    golden = np.load(FILES / "vg_tiny.npz")
    data = open_visual_genome(FILES / "vg_tiny_data" / "VG", num_val_images=int(golden["num_val_im"]))
    config = validate(FILTERS[name] | {"evaluation": {"pred_weight": [1.0]}})
    experiment = Experiment(config, data)
    subjects, predicates, objects, counts = golden[f"{name}.subj_pred_pairs"].T
    foreground, background = experiment.pair_counts
    expected = np.zeros_like(foreground)
    expected[subjects, objects, predicates] = counts
    np.testing.assert_array_equal(foreground, expected)
    np.testing.assert_allclose(experiment.predicate_weights[1.0][1:], expected.mean(axis=(0, 1))[1:] + 1)
    sizes = np.diff(golden[f"{name}.box_ptr"])
    assert 0 < background.sum() <= (sizes * (sizes - 1)).sum()
    contexts = Contexts.from_arrays(*experiment.triplets, experiment.num_classes, experiment.num_predicates)
    rows, _ = contexts.rows(predicates)
    for row, subject, count in zip(rows + objects, subjects, counts, strict=True):
        context = slice(*contexts.offsets[row:row + 2])
        assert contexts.counts[context][contexts.classes[context] == subject] == [count]
    assert len(contexts.counts) == 2 * len(counts)
    # Zero- and few-shot counts ignore the filters.
    shots = experiment.metrics("val")["sgcls"].train
    assert shots.numbers.sum() == golden[f"{name}.triplet_counts"].sum()


def test_metrics_read_the_zero_shot_list_for_test_alone(tmp_path: Path) -> None:
    """Its hash is in the provenance. A list that does not fit is refused when the data is opened."""
    data = open_visual_genome(FILES / "vg_tiny_data" / "VG", num_val_images=4)
    seen = data.triplets("train").triplets[0].tolist()
    path = tmp_path / "list.csv"
    path.write_text("subject,predicate,object\n" + ",".join(map(str, seen)) + "\n")
    experiment = Experiment(validate({"evaluation": {"zero_shot_list": str(path)}}), data)
    assert experiment.metrics("test")["sgcls"].subsets == ("all", "zs", "10s", "100s", "zs-train", "zs-list")
    assert experiment.metrics("val")["sgcls"].subsets == ("all", "zs", "10s", "100s")
    listed = experiment.zero_shot_list
    assert listed is not None
    assert listed.triplets == [tuple(seen)]
    provenance = experiment.provenance()["zero_shot_list"]
    assert provenance == {"hash": listed.hash, "triplets": 1, "in_training": 1}
    assert "zero_shot_list" not in Experiment(validate({}), data).provenance()


def test_metrics_with_relation_nms() -> None:
    """The provenance says it; without, it says nothing."""
    data = open_visual_genome(FILES / "vg_tiny_data" / "VG", num_val_images=4)
    for on in (True, False):
        experiment = Experiment(validate({"evaluation": {"relation_nms": on}}), data)
        assert {one.conventions.relation_nms for one in experiment.metrics("val").values()} == {on}
        assert experiment.provenance().get("relation_nms", False) is on
