"""Files of annotation in other layouts: what their public loaders read from small examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sgg.data.dataset import DataSet, Split
from sgg.data.readers.coco_relations import FILE, open_coco_relations
from sgg.data.readers.psg import open_psg
from sgg.data.splits import SPLITS
from sgg.evaluate.evaluation import rescore
from sgg.evaluate.foreign import ForeignPredictions
from sgg.evaluate.listed_triplets import from_triplets, nothing
from sgg.metrics import Conventions, SceneGraphMetrics
from sgg.metrics.checks import checked_arrays
from sgg.metrics.matching import MatchedImages, box_iou
from sgg.structures import Prediction, SceneGraph

FOLDER = Path(__file__).parent / "files" / "formats"
PREDICATES = 5
"""Of SGBench's image."""
FROM_1 = np.array([0, 0, 1])
"""Added to triplets whose predicates count from 0."""
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


def content_of(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text())


def write_splits(folder: Path, content: dict[str, Any]) -> Path:
    """The same file for each split."""
    for split in SPLITS:
        (folder / split).mkdir()
        (folder / split / FILE).write_text(json.dumps(content))
    return folder


def graphs(split: Split) -> list[tuple[list[Any], list[int], list[list[int]]]]:
    """Boxes, labels and relations of each image."""
    read = [split.graph(image) for image in range(len(split))]
    return [(one.boxes.tolist(), one.labels.tolist(), one.relations.tolist()) for one in read]


def test_coco_relations_are_read_as_by_the_public_loader(tmp_path) -> None:
    """Objects and images in the order of the file; the image without a relation is in no split."""
    data, expected = open_coco_relations(write_splits(tmp_path, content_of("coco_relations_example.json"))), EXPECTED[
        "coco.filter_non_overlap=False"]
    assert (data.classes, data.predicates) == (expected["ind_to_classes"], expected["ind_to_predicates"])
    split = data.split("test")
    assert [split.image_id(image) for image in range(2)] == [f"test/{number}" for number in expected["image_ids"]]
    assert data.image_ids is not None
    assert data.image_ids.tolist() == ["11", "7", "9"] * 3
    keys = "boxes_xyxy", "labels", "relations_subject_object_predicate"
    assert graphs(split) == list(zip(*(expected[key] for key in keys), strict=True))


def test_overlapping_relations_are_those_of_the_public_loader(tmp_path) -> None:
    data, expected = open_coco_relations(write_splits(tmp_path, content_of("coco_relations_example.json"))), EXPECTED[
        "coco.filter_non_overlap=True"]
    split = data.split("train", overlapping=True)
    assert [split.image_id(image) for image in range(len(split))] == [f"train/{n}" for n in expected["image_ids"]]
    assert graphs(split)[0][2] == expected["relations_subject_object_predicate"][0]


def test_ids_from_0_lose_no_name_as_they_do_in_the_public_loader(tmp_path) -> None:
    """The loader reads the first class and predicate as background. Ours reads them, and says that the loader would
    not."""
    content = content_of("coco_relations_example.json")
    for record in (*content["categories"], *content["rel_categories"]):
        record["id"] -= 1
    for key, records in (("category_id", "annotations"), ("predicate_id", "rel_annotations")):
        for record in content[records]:
            record[key] -= 1
    data, path = open_coco_relations(write_splits(tmp_path, content)), tmp_path / "train" / FILE
    lost = EXPECTED["coco.zero_based_ids (what the loader makes of them: the first class and predicate are lost)"]
    right = EXPECTED["coco.filter_non_overlap=False"]
    assert lost["ind_to_classes"] == [right["ind_to_classes"][0], *right["ind_to_classes"][2:]]
    assert data.classes == right["ind_to_classes"]
    assert [labels for _, labels, _ in graphs(data.split("test"))] == right["labels"]
    assert {one.kind: one.example for one in data.findings}.items() >= {
        "class ids that count from 0": f"{path}: categories has id 0, 'cat'",
        "predicate ids that count from 0": f"{path}: rel_categories has id 0, 'near'"}.items()


@pytest.mark.parametrize("background", [False, True])
def test_names_of_predicates_alone_have_ids_from_1(tmp_path, background) -> None:
    """With an entry for the background before them, too."""
    content = content_of("coco_relations_example.json")
    content["rel_categories"] = ["__background__"] * background + [one["name"] for one in content["rel_categories"]]
    data = open_coco_relations(write_splits(tmp_path, content))
    assert data.predicates == EXPECTED["coco.filter_non_overlap=False"]["ind_to_predicates"]


def psg_example(folder: Path) -> DataSet:
    """The example, in which one image is repeated, so that train and val each have one."""
    content = content_of("psg_example.json")
    content["data"].append(content["data"][0] | {"image_id": "30", "file_name": "train2017/000000000030.jpg"})
    (folder / "psg.json").write_text(json.dumps(content))
    return open_psg(folder, num_val_images=1)


def test_psg_is_read_as_by_the_public_loaders(tmp_path) -> None:
    """Classes are things, then stuff; a repeated relation counts once."""
    data = psg_example(tmp_path)
    expected = EXPECTED["psg.all"]
    assert data.classes == [*expected["ind_to_classes"][:-1], "grass-merged"]  # one loader shortens names
    assert data.predicates == expected["ind_to_predicates"]
    for name, number in (("val", 0), ("train", 0), ("test", 1)):
        wanted, split = expected["images"][number], data.split(name)
        (boxes, labels, relations), = graphs(split)
        assert (boxes, labels) == (wanted["boxes_xyxy"], wanted["labels_plus_1"])
        assert sorted(relations) == sorted(wanted["relation_tuple_subject_object_predicate_plus_1"])
    assert [one["image_id"] for one in EXPECTED["psg.test"]["images"]] == ["8"]
    found = {one.kind: one.count for one in data.findings}
    assert found["repeated relations"] == 2
    assert found["images with masks"] == 4
    assert np.array_equal(data.image_ids, ["3", "8", "9", "30"])


def test_recall_of_a_file_is_that_of_sgbench(tmp_path) -> None:
    """Its example: two boxes are of one annotated object, one box of none. The same with the keys of the package's
    README, which its own code does not read."""
    data, content = psg_example(tmp_path), content_of("sgbench_prediction_example.json")
    path = tmp_path / "predictions.json"
    for image in content["images"]:
        assert {"annotation", "bboxes", "categories"} <= image.keys()

    def recall(images: list[dict[str, Any]]) -> list[float]:
        path.write_text(json.dumps(content | {"images": images}))
        found = ForeignPredictions(path, "sgbench", data, "test", "sgdet")
        values = rescore(found, found.protocol().metrics(["sgdet"], (20, 50, 100), [0.0], found.conventions))
        return [values[f"sgdet/all/ngR@{k}"] for k in (20, 50, 100)]

    expected = [EXPECTED["sgbench"][f"R@{k}"] for k in (20, 50, 100)]
    assert recall(content["images"]) == expected
    assert recall([{key: value for key, value in content["images"][0].items() if key != "annotation"}]) == expected
    other = content["images"][0] | {"id": "elsewhere", "triplets": []}
    with pytest.raises(ValueError, match="has none of the 1 images of test"):
        recall([other])


def random_image() -> tuple[SceneGraph, Prediction, Mapping[str, np.ndarray]]:
    """An image with 14 predicted boxes and 139 triplets, best first, and what SGBench makes of it: numbers from 0."""
    golden = np.load(FOLDER / "sgbench_metrics.npz")
    boxes, labels, triplets = (golden[f"sgbench.in.gt_{key}"] for key in ("boxes64", "labels", "triplets"))
    truth = SceneGraph(boxes.astype(np.float32), labels + 1, triplets + FROM_1)
    boxes, labels, triplets = (golden[f"sgbench.in.pred_{key}"] for key in ("boxes64", "labels", "triplets"))
    assert len(np.unique(triplets, axis=0)) == len(triplets)
    prediction = from_triplets(boxes.astype(np.float32), labels + 1, np.ones(len(boxes)), triplets + FROM_1,
                               1 - np.arange(len(triplets)) / len(triplets), PREDICATES + 1)
    return truth, prediction, golden


def test_recall_of_a_random_image_is_that_of_sgbench() -> None:
    """Recall, and recall of each predicate."""
    truth, prediction, golden = random_image()
    metrics = SceneGraphMetrics("sgdet", PREDICATES + 1, {(1, 1, 1): 1}, ks=(20, 50, 100), zero_scores_count=False)
    metrics.update(truth, prediction)
    values, of_predicates = metrics.compute(), metrics.predicate_recall()
    assert len(golden["sgbench.out.PRank(-1=none)"]) == PREDICATES
    for k in (20, 50, 100):
        assert values[f"all/ngR@{k}"] == pytest.approx(float(golden[f"sgbench.out.R@{k}"]))
        wanted = golden[f"sgbench.out.per_predicate_R@{k}(-1=absent)"]
        np.testing.assert_allclose(np.nan_to_num(of_predicates[f"ngR@{k}"], nan=-1), wanted, rtol=1e-6)


def test_matching_of_a_random_image_is_that_of_sgbench() -> None:
    """A predicted box stands for the annotated one of its class that it overlaps most, if that is half or more. No box
    overlaps two by half here, so the triplets that hit a relation are the same as ours."""
    truth, prediction, golden = random_image()
    overlaps = box_iou(prediction.boxes, truth.boxes) * (prediction.labels[:, None] == truth.labels)
    match = np.where(overlaps.max(1) >= 0.5, overlaps.argmax(1), -1)
    np.testing.assert_array_equal(match, golden["sgbench.out.match"])
    triplets = golden["sgbench.in.pred_triplets"]
    remapped = np.column_stack([match[triplets[:, :2]], triplets[:, 2]])
    np.testing.assert_array_equal(remapped, golden["sgbench.out.remapped"])
    expected = {(relation, *triplet) for triplet, mapped in zip(triplets.tolist(), remapped.tolist(), strict=True)
                for relation, one in enumerate(golden["sgbench.in.gt_triplets"].tolist()) if one == mapped}
    ours = MatchedImages([checked_arrays(truth, prediction, "sgdet", PREDICATES + 1, 0)], "sgdet",
                         Conventions(zero_scores_count=False))
    pairs = np.asarray(prediction.pairs)[ours.row]
    assert set(zip(ours.relation.tolist(), *pairs.T.tolist(), (ours.predicate - 1).tolist(), strict=True)) == expected


def test_image_that_a_file_lacks_has_the_recall_of_sgbench() -> None:
    """It is 0. SGBench leaves such an image out of its mean recall, where its relations are missed here."""
    truth, _, _ = random_image()
    metrics = SceneGraphMetrics("sgdet", PREDICATES + 1, {(1, 1, 1): 1}, ks=(20, 50, 100), zero_scores_count=False)
    metrics.update(truth, nothing(PREDICATES + 1))
    values, expected = metrics.compute(), EXPECTED["sgbench.image_missing_from_prediction"]
    for k in (20, 50, 100):
        assert values[f"all/ngR@{k}"] == expected[f"R@{k}"] == 0
        assert expected[f"mR@{k}"] is None
        assert values[f"all/ng-mR@{k}"] == 0
