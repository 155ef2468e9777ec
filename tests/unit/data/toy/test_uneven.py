"""The toy genome that tests train on is as uneven as photographs are."""

import numpy as np

from sgg.data import open_dataset


def test_make_uneven_gives_every_split_what_square_images_hide(toy_root) -> None:
    data = open_dataset("toy", toy_root)
    for part in (*map(data.split, ("train", "val", "test")), data.detector):
        height, width = part.annotations.sizes.T
        assert (height < width).any()
        assert (height > width).any()
        assert (height == width).any()
        rows = np.column_stack([part.annotations.image_of_relation, part.annotations.relations])
        assert len(np.unique(rows, axis=0)) < len(rows), "a relation that is annotated twice"
        assert len(np.unique(rows[:, :3], axis=0)) < len(np.unique(rows, axis=0)), "a pair with two predicates"


def test_make_uneven_gives_boxes_that_are_clipped(toy_root) -> None:
    annotations = open_dataset("toy", toy_root).annotations
    height, width = annotations.sizes[annotations.image_of_object].T
    cut = annotations.sizes[annotations.image_of_object].min(axis=1) < 176
    at_the_border = (annotations.boxes[:, 2] == width) | (annotations.boxes[:, 3] == height)
    assert at_the_border[cut].any()
