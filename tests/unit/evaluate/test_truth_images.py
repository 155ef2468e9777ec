"""Images by the names that files of predictions give them."""

from dataclasses import replace

import numpy as np
import pytest

from sgg.evaluate.truth_images import TruthImages
from sgg.structures import SceneGraph
from tests.unit.evaluate.formats.small_data import data_of

GRAPH = SceneGraph(np.array([[0, 0, 9, 9], [0, 0, 9, 9]], np.float32), np.array([1, 1]), np.array([[0, 1, 1]]))


def test_of_path_takes_paths_with_and_without_ending_and_their_last_part() -> None:
    images = TruthImages(data_of([GRAPH] * 3, ["a"], ["on"]), "test")
    found = ("test/1.jpg", "test/1", "1.png", "1", "/data/test/2.jpg")
    assert [images.of_path(name) for name in found] == [1, 1, 1, 1, 2]
    assert [images.of_path(name) for name in ("train/0.jpg", "est/0", "/data/0.jpg", "test/3", "")] == [None] * 5


def test_of_id_takes_ids_that_one_image_has() -> None:
    """Those of test are 0, 1 and 1; those of the other splits 7 and 1."""
    data = replace(data_of([GRAPH] * 3, ["a"], ["on"]), image_ids=np.array(["7", "1", "0", "1", "1"]))
    images = TruthImages(data, "test")
    assert [images.of_id(name) for name in ("0", "1", "2", "7")] == [0, None, None, None]


@pytest.mark.parametrize(("names", "rows"), [
    (["2", "0", "1"], [0, 1, 2]), (["2", "7"], [0, None]), (["1.jpg", "2.jpg"], [1, 2]), (["test/1", "2"], [1, 2]),
    (["2", "0.jpg", "1.jpg"], [2, 0, 1])])
def test_finder_takes_all_names_of_a_file_for_ids_or_all_for_paths(names, rows) -> None:
    """The images 0.jpg, 1.jpg and 2.jpg have the ids 2, 0 and 1, so that most numbers may be both."""
    data = replace(data_of([GRAPH] * 3, ["a"], ["on"]), image_ids=np.array(["7", "8", "2", "0", "1"]))
    find = TruthImages(data, "test").finder(names)
    assert [find(name) for name in names] == rows


def test_of_path_takes_no_last_part_that_two_images_have() -> None:
    data = data_of([GRAPH] * 2, ["a"], ["on"])
    files = np.array(["t", "v", "one/a.jpg", "two/a.jpg"])
    images = TruthImages(replace(data, annotations=replace(data.annotations, files=files)), "test")
    assert [images.of_path(name) for name in ("a.jpg", "two/a.jpg", "one/a")] == [None, 1, 0]
