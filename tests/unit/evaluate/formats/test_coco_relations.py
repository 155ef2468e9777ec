"""Predictions in COCO with relations."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

from sgg.evaluate.evaluation import rescore
from sgg.evaluate.foreign import ForeignPredictions
from sgg.evaluate.formats import coco_relations
from sgg.structures import SceneGraph
from tests.unit.evaluate.formats.small_data import data_of

CLASSES, PREDICATES = ["cat", "dog"], ["on", "near"]
BOXES = np.array([[0, 0, 10, 10], [5, 5, 30, 30]], np.float32)
GRAPH = SceneGraph(BOXES, np.array([1, 2]), np.array([[0, 1, 1], [1, 0, 2]]))
FILE = {
    "images": [{"id": 5, "file_name": "other.jpg", "width": 9, "height": 9},
               {"id": 4, "file_name": "0.jpg", "width": 400, "height": 400}],
    "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    "rel_categories": [{"id": 0, "name": "__background__"}, {"id": 1, "name": "near"}, {"id": 2, "name": "on"}],
    "annotations": [{"id": 9, "image_id": 4, "category_id": 1, "bbox": [5, 5, 25, 25], "score": 0.5},
                    {"id": 3, "image_id": 5, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5},
                    {"id": 7, "image_id": 4, "category_id": 2, "bbox": [0, 0, 10, 10], "score": 0.8}],
    "rel_annotations": [{"subject_id": 7, "object_id": 9, "predicate_id": 1, "score": 0.4},
                        {"subject_id": 7, "object_id": 9, "predicate_id": 2, "score": 0.3},
                        {"subject_id": 9, "object_id": 7, "predicate_id": 1, "score": 0.35}]}


def write(tmp_path, **changes):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(copy.deepcopy(FILE) | changes))
    return path


def predictions(path, mode="sgdet", graphs=(GRAPH,)):
    return ForeignPredictions(path, "coco-relations", data_of(graphs, CLASSES, PREDICATES), "test", mode)


def test_read_finds_names_pairs_and_scores(tmp_path) -> None:
    """Names in another order than the data set's; an image that is not evaluated; a pair with two predicates."""
    (name, truth, found), = predictions(write(tmp_path))
    assert (name, truth.labels.tolist()) == ("test/0", [1, 2])
    one = found["sgdet"]
    assert one.boxes.tolist() == [[5, 5, 30, 30], [0, 0, 10, 10]]
    assert (one.labels.tolist(), one.label_scores.tolist()) == ([2, 1], [0.5, 0.8])
    assert one.pairs.tolist() == [[1, 0], [0, 1]]
    assert one.predicate_scores.tolist() == [[0, 0.3, 0.4], [0, 0, 0.35]]


def test_read_finds_images_by_the_ids_of_the_data_set_only(tmp_path) -> None:
    """A file has numbers of its own, which may be names of images: here an image test/4.jpg."""
    graphs = [GRAPH] * 5
    renamed = write(tmp_path, images=[image | {"file_name": f"{image['id']}x.jpg"} for image in FILE["images"]])
    data = data_of(graphs, CLASSES, PREDICATES)
    with pytest.raises(ValueError, match="has none of the 5 images of test"):
        list(ForeignPredictions(renamed, "coco-relations", data, "test", "sgdet"))
    data = replace(data, image_ids=np.array(["1", "2", "3", "4", "6", "7", "8"]))
    found = ForeignPredictions(renamed, "coco-relations", data, "test", "sgdet")
    assert next(iter(found))[0] == "test/1"


def test_ids_do_not_count_where_a_file_has_names_of_the_data_set(tmp_path) -> None:
    """The image train/0.jpg has in the file the id that test/1.jpg has in the data set."""
    file = write(tmp_path, images=[FILE["images"][0], FILE["images"][1] | {"file_name": "train/0.jpg"}])
    data = replace(data_of([GRAPH] * 2, CLASSES, PREDICATES), image_ids=np.array(["1", "2", "3", "4"]))
    with pytest.raises(ValueError, match="has none of the 2 images of test"):
        list(ForeignPredictions(file, "coco-relations", data, "test", "sgdet"))


def test_metrics_by_hand(tmp_path) -> None:
    """Triplets: cat near dog .4 (wrong), dog near cat .35 (right), cat on dog .3 (right), each times .5 x .8. With
    graph constraint a pair has its best predicate only."""
    found = predictions(write(tmp_path))
    values = rescore(found, found.protocol().metrics(["sgdet"], (1, 2, 3), [0.0], found.conventions))
    assert [values[f"sgdet/all/ngR@{k}"] for k in (1, 2, 3)] == [0, 0.5, 1]
    assert [values[f"sgdet/all/R@{k}"] for k in (1, 2, 3)] == [0, 0.5, 0.5]
    assert found.found == 1


def test_an_image_that_the_file_lacks_has_a_recall_of_0(tmp_path) -> None:
    found = predictions(write(tmp_path), graphs=(GRAPH, GRAPH, GRAPH))
    values = rescore(found, found.protocol().metrics(["sgdet"], (3,), [0.0], found.conventions))
    assert values["sgdet/all/ngR@3"] == pytest.approx(1 / 3)
    assert (found.found, values["sgdet/all/num_images"]) == (1, 3)


def test_given_boxes_must_be_the_annotated_ones(tmp_path) -> None:
    """In the file they have another order."""
    with pytest.raises(ValueError, match=r"image test/0 has other boxes than the 2 annotated ones, or in another "
                                         r"order, so it is no prediction of sgcls: choose --mode sgdet"):
        list(predictions(write(tmp_path), "sgcls"))
    turned = SceneGraph(BOXES[::-1].copy(), np.array([2, 1]), np.array([[1, 0, 1]]))
    (_, _, found), = predictions(write(tmp_path), "predcls", [turned])
    assert found["predcls"].pairs.tolist() == [[1, 0], [0, 1]]


def test_writer_writes_what_read_reads(tmp_path) -> None:
    writer = coco_relations.Writer(("__background__", *CLASSES), ("__background__", *PREDICATES))
    for name in ("none.jpg", "test/0.jpg"):
        writer.add(name, (400, 400), GRAPH, np.array([0.5, 0.25]), np.array([0.75, 0.5]))
    writer.write(tmp_path / "p.json")
    (_, _, found), = predictions(tmp_path / "p.json")
    one = found["sgdet"]
    assert one.boxes.tolist() == BOXES.tolist()
    assert one.pairs.tolist() == [[0, 1], [1, 0]]
    assert one.predicate_scores.tolist() == [[0, 0.75, 0], [0, 0, 0.5]]
    assert one.label_scores.tolist() == [0.5, 0.25]


def test_a_file_without_images_has_none_of_the_split(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"p.json has none of the 1 images of test"):
        list(predictions(write(tmp_path, images=[], annotations=[], rel_annotations=[])))


@pytest.mark.parametrize(("changes", "message"), [
    ({"categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "horse"}]},
     r"its classes are not those of the data set, which has no 'horse'; it has 'cat', 'dog': choose the data set of"),
    ({"rel_categories": ["near", "at"]}, r"its predicates are not those .* no 'at'; it has 'on', 'near'"),
    ({"annotations": [{key: value for key, value in FILE["annotations"][0].items() if key != "score"}],
      "rel_annotations": []}, r"annotations\[0\] must have a 'score' from 0 to 1, got None"),
    ({"rel_annotations": [FILE["rel_annotations"][0] | {"score": 1.5}]}, r"rel_annotations\[0\] must have a 'score'"),
    ({"rel_annotations": [FILE["rel_annotations"][0] | {"object_id": 3}]}, r"rel_annotations\[0\] joins objects"),
    ({"rel_annotations": [FILE["rel_annotations"][0] | {"object_id": 8}]}, r"refers to object_id 8, which is not in"),
])
def test_read_names_a_wrong_record(tmp_path, changes, message) -> None:
    with pytest.raises(ValueError, match=f"p.json.*{message}") as raised:
        list(predictions(write(tmp_path, **changes)))
    assert str(raised.value).count("p.json") == 1, "the file is named once"
