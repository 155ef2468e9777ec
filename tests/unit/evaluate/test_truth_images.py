"""Images by the names that files of predictions give them."""

from dataclasses import replace

import numpy as np

from sgg.evaluate.truth_images import TruthImages
from sgg.structures import SceneGraph
from tests.unit.evaluate.formats.small_data import data_of

GRAPH = SceneGraph(np.array([[0, 0, 9, 9], [0, 0, 9, 9]], np.float32), np.array([1, 1]), np.array([[0, 1, 1]]))


def test_find_takes_paths_with_and_without_ending_and_their_last_part() -> None:
    images = TruthImages(data_of([GRAPH] * 3, ["a"], ["on"]), "test")
    assert [images.find(name) for name in ("test/1.jpg", "test/1", "1.png", "1", "/data/test/2.jpg")] == [1, 1, 1, 1, 2]
    assert [images.find(name) for name in ("train/0.jpg", "est/0", "/data/0.jpg", "test/3", "")] == [None] * 5


def test_find_prefers_ids_of_the_file() -> None:
    """Those of test: 7, 1 and 1. An id that two images have is none, and then the name counts."""
    data = replace(data_of([GRAPH] * 3, ["a"], ["on"]), image_ids=np.array(["7", "1", "0", "1", "1"]))
    images = TruthImages(data, "test")
    assert [images.find(name) for name in ("0", "1", "2", "test/1", "7")] == [0, 1, 2, 1, None]


def test_find_takes_no_last_part_that_two_images_have() -> None:
    data = data_of([GRAPH] * 2, ["a"], ["on"])
    files = np.array(["t", "v", "one/a.jpg", "two/a.jpg"])
    images = TruthImages(replace(data, annotations=replace(data.annotations, files=files)), "test")
    assert [images.find(name) for name in ("a.jpg", "two/a.jpg", "one/a")] == [None, 1, 0]
