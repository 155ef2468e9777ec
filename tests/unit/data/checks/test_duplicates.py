"""What a data set has twice."""

import json

import numpy as np

from sgg.data.checks.duplicates import repeated_images, repeated_objects, repeated_relations
from sgg.data.readers.custom import open_custom

CONTENT = {
    "images": [{"id": number, "file_name": f"{number}.png", "width": 20, "height": 20, "split": split}
               for number, split in enumerate(("train", "val", "test"))],
    "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    "predicates": [{"id": 1, "name": "on"}],
    "annotations": [{"id": 10 * image + number, "image_id": image, "category_id": 1 + number // 2,
                     "bbox": [number % 2, 0, 5, 5]} for image in range(3) for number in range(3)],
    "relations": [{"subject_id": 10 * image, "object_id": 10 * image + 1, "predicate_id": 1} for image in range(3)]}


def annotations(tmp_path, objects=(), relations=()):
    content = CONTENT | {"annotations": [*CONTENT["annotations"], *objects],
                         "relations": [*CONTENT["relations"], *relations]}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return open_custom(tmp_path).annotations


def test_repeated_objects_have_class_and_box_of_another(tmp_path):
    """Not another class, not another image."""
    assert list(repeated_objects(annotations(tmp_path))) == []
    again = {"id": 99, "image_id": 1, "category_id": 1, "bbox": [1, 0, 5, 5]}
    finding, = repeated_objects(annotations(tmp_path, [again]))
    assert (finding.count, finding.of, finding.example, finding.severity) == (1, 10, "image 1.png", "note")


def test_repeated_relations_have_subject_object_and_predicate_of_another(tmp_path):
    back = {"subject_id": 21, "object_id": 20, "predicate_id": 1}
    assert list(repeated_relations(annotations(tmp_path, relations=[back]))) == []
    finding, = repeated_relations(annotations(tmp_path, relations=[back, CONTENT["relations"][2], back]))
    assert (finding.count, finding.of, finding.example) == (2, 6, "image 2.png")


def test_repeated_images_in_two_splits_are_a_fault():
    files, splits = np.array(["a", "b", "c", "d", "e"]), np.array([0, 0, 2, 2, 0])
    assert list(repeated_images(files, splits, ["1", "2", None, None, "3"])) == []
    within, across = repeated_images(files, splits, ["1", "1", "1", None, "1"])
    assert (within.count, within.example, within.severity) == (2, "b is a", "note")
    assert (across.count, across.of, across.example, across.severity) == (1, 5, "c is a", "fault")
