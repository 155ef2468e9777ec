"""The grid of the objects of a batch."""

import torch

from sgg.models.head_parts.grid import ObjectGrid

INDEX = torch.tensor([0, 0, 2, 2, 2])


def test_object_grid_pads_and_unpads() -> None:
    """Images of two, no and three objects."""
    grid = ObjectGrid.of(INDEX, 3)
    assert grid.length == 3
    assert grid.counts.tolist() == [2, 0, 3]
    assert grid.real.tolist() == [[True, True, False], [False] * 3, [True] * 3]
    values = torch.arange(1.0, 6)
    padded = grid.pad(values, fill=-1)
    assert padded.tolist() == [[1, 2, -1], [-1, -1, -1], [3, 4, 5]]
    assert torch.equal(grid.unpad(padded), values)
    assert grid.pad(torch.ones(5, 2, 4)).shape == (3, 3, 2, 4)


def test_object_grid_of_a_known_length() -> None:
    assert ObjectGrid.of(INDEX, 3, largest=4).pad(torch.ones(5)).shape == (3, 4)


def test_object_grid_of_no_objects() -> None:
    nothing = INDEX[:0]
    for images in (0, 2):
        grid = ObjectGrid.of(nothing, images)
        assert grid.unpad(grid.pad(torch.ones(0, 7))).shape == (0, 7)
