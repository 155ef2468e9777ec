"""What the parts hand to one another: which shapes fit, and in what they may come."""

import numpy as np
import pytest
import torch

from sgg.structures import Batch, Prediction, SceneGraph, to_numpy


def test_scene_graph_and_prediction_turn_lists_into_arrays() -> None:
    graph = SceneGraph([[0, 0, 5, 5.5], [1, 1, 2, 2]], [3, 1], [[0, 1, 2]])
    assert graph.boxes.shape == (2, 4)
    assert graph.triplets().tolist() == [[3, 2, 1]]
    empty = SceneGraph([], [], [])
    assert (empty.boxes.shape, empty.labels.shape, empty.relations.shape) == ((0, 4), (0,), (0, 3))
    prediction = Prediction([[0, 0, 1, 1]], [1], [0.5], [[0, 0]], [[0.1, 0.9]])
    assert prediction.predicate_scores.tolist() == [[0.1, 0.9]]


def test_arrays_are_kept_as_they_are() -> None:
    boxes, labels, relations = torch.zeros(1, 4), np.array([1]), torch.zeros(0, 3, dtype=torch.int64)
    graph = SceneGraph(boxes, labels, relations)
    assert (graph.boxes is boxes, graph.labels is labels, graph.relations is relations) == (True, True, True)


@pytest.mark.parametrize(("fields", "message"), [
    (([[0, 0, 1]], [1], []), r"SceneGraph\.boxes must have shape \[\*, 4\], got \[1, 3\]"),
    (([[0, 0, 1, 1]], [1, 2], []), r"SceneGraph\.labels must have shape \[1\], got \[2\]"),
    (([[0, 0, 1, 1]], [1], [[0, 0]]), r"SceneGraph\.relations must have shape \[\*, 3\], got \[1, 2\]"),
])
def test_shapes_that_do_not_fit_are_named(fields, message) -> None:
    with pytest.raises(ValueError, match=message):
        SceneGraph(*fields)


def test_prediction_needs_a_row_of_scores_for_each_pair() -> None:
    with pytest.raises(ValueError, match=r"Prediction\.predicate_scores must have shape \[2, \*\], got \[1, 3\]"):
        Prediction(np.zeros((2, 4)), np.ones(2), np.ones(2), np.zeros((2, 2), int), np.zeros((1, 3)))


def test_to_numpy_reads_half_precision() -> None:
    """1.5 is a number of bfloat16, which numpy does not know."""
    values = torch.tensor([1.5], dtype=torch.bfloat16, requires_grad=True)
    assert (to_numpy(values).tolist(), to_numpy(values).dtype) == ([1.5], np.float32)


@pytest.mark.parametrize(("most", "expected"), [
    (100, ["abcd"]), (14, ["abcd"]), (13, ["abc", "d"]), (8, ["abc", "d"]), (7, ["a", "bc", "d"]),
    (2, ["a", "bc", "d"]), (1, ["a", "b", "c", "d"])])
def test_split_by_pairs(most: int, expected: list[str]) -> None:
    """Images of 3, 2, 1 and 3 objects: 6, 2, 0 and 6 ordered pairs."""
    index = torch.tensor([0, 0, 0, 1, 1, 2, 3, 3, 3])
    relations = torch.tensor([[0, 1, 2, 5], [3, 8, 6, 4]])
    batch = Batch(tuple(torch.full((3, 1, 1), float(image)) for image in range(4)), torch.ones(4, 2),
                  torch.arange(36.0).view(9, 4), torch.arange(9), index, relations, tuple("abcd"))
    parts = batch.split_by_pairs(most)
    assert ["".join(part.image_ids) for part in parts] == expected
    assert torch.equal(torch.cat([part.boxes for part in parts]), batch.boxes)
    last = parts[-1]
    assert last.images[-1][0, 0, 0] == 3
    assert last.relations[-1].tolist() == [len(last) - 1, len(last.labels) - 1, len(last.labels) - 3, 4]
