"""Views of images, beside what the loader of training gives for the same image."""

import numpy as np
import pytest
import torch

from sgg.data import load_batches, open_dataset
from sgg.data.loading.views import load_views


@pytest.fixture(scope="module")
def split(toy_root):
    return open_dataset("toy", toy_root).split("train").head(6)


@pytest.mark.parametrize("workers", [0, 1])
def test_load_views_gives_both_views_of_each_image(split, workers: int) -> None:
    batches = list(load_views(split, 2, [[0, 1, 2], [5, 4]], workers).epoch(0))
    assert [batch.views for batch in batches] == [((0, False), (0, True), (1, False)), ((2, True), (2, False))]
    plain = next(load_batches(split, 3).epoch(0))
    first, second = batches
    assert torch.equal(first.images[0], plain.images[0])
    assert torch.equal(second.images[1], plain.images[2])
    height, width = split.size(0)
    assert torch.equal(first.images[1][:, :height, :width], plain.images[0][:, :height, :width].flip(2))
    boxes = first.boxes[first.image_index == 1].numpy()
    np.testing.assert_allclose(boxes[:, [2, 0]], width - plain.boxes[plain.image_index == 0].numpy()[:, [0, 2]])


def test_load_views_equal_what_training_draws(split) -> None:
    """Whatever view training draws, the store's row of that view is of the same pixels and boxes."""
    views = {view: (image, boxes) for batch in load_views(split, 2, [list(range(12))]).epoch(0)
             for view, image, boxes in zip(batch.views, batch.images,
                                           batch.boxes.split(batch.objects_per_image().tolist()), strict=True)}
    drawn = set()
    for epoch in range(6):
        batch = next(load_batches(split, 6, augment=True, shuffle=True).epoch(epoch))
        without = next(load_batches(split, 6, augment=True, shuffle=True, pixels=False).epoch(epoch))
        assert (without.views, without.images) == (batch.views, ())
        assert torch.equal(without.relations, batch.relations)
        for view, image, boxes in zip(batch.views, batch.images, batch.boxes.split(batch.objects_per_image().tolist()),
                                      strict=True):
            assert torch.equal(image, views[view][0])
            assert torch.equal(boxes, views[view][1])
            drawn.add(view)
    assert {mirrored for _, mirrored in drawn} == {False, True}


def test_load_views_names_a_missing_folder(split, tmp_path) -> None:
    from dataclasses import replace

    with pytest.raises(FileNotFoundError, match="nowhere is missing"):
        load_views(replace(split, image_folder=tmp_path / "nowhere"), 1, [[0]])
