"""Overlap of boxes by other packages' convention, and hits of many images at once."""

import numpy as np
import pytest
import torch
from pycocotools import mask
from torchmetrics.functional.detection import intersection_over_union
from torchvision.ops import box_iou as torchvision_iou

from sgg.metrics import box_iou
from sgg.metrics.checks import checked_arrays
from sgg.metrics.conventions import REFERENCE
from sgg.metrics.matching import MatchedImages
from tests.oracles.evaluator import Scene
from tests.oracles.scenes import PREDICATES, scenes


def boxes(seed, count):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(1, 50, (count, 2))], axis=1).astype(np.float32)


def test_box_iou_agrees_with_torchvision_torchmetrics_and_coco():
    a, b = boxes(0, 40), boxes(1, 30)
    ours = box_iou(a, b)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, torchvision_iou(torch.from_numpy(a), torch.from_numpy(b)), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        ours, intersection_over_union(torch.from_numpy(a), torch.from_numpy(b), aggregate=False), rtol=1e-6, atol=1e-7)
    extents = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], axis=1).astype(np.float64) for x in (a, b)]
    np.testing.assert_allclose(ours, mask.iou(*extents, [0] * len(b)), rtol=1e-4, atol=1e-6)


def test_box_iou_has_no_plus_one():
    assert box_iou(np.array([[0, 0, 2, 1]]), np.array([[1, 0, 3, 1]]))[0, 0] == np.float32(1 / 3)


def test_box_iou_takes_tensors_and_empty_sets():
    assert box_iou(torch.zeros(0, 4), torch.ones(3, 4)).shape == (0, 3)
    assert box_iou(torch.zeros(1, 4), torch.zeros(1, 4))[0, 0] == 0  # no area in common, no area at all


@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
def test_matched_images_has_the_hits_of_each_image(mode):
    images = [image for image in scenes(mode, 80) if len(image[0].relations)]
    arrays = [checked_arrays(*image, mode, PREDICATES, number) for number, image in enumerate(images)]
    matched = MatchedImages(arrays, mode, REFERENCE)
    got = list(zip(matched.relation.tolist(), matched.row.tolist(), matched.predicate.tolist(), strict=True))
    want, relations, rows = [], 0, 0
    for truth, prediction in images:
        scene = Scene(truth, prediction, mode, None, False)
        want += [(relations + number, rows + row, relation[2]) for number, relation in enumerate(scene.relations)
                 for row in range(len(scene.pairs)) if scene.is_hit(relation, row, relation[2])]
        relations, rows = relations + len(scene.relations), rows + len(scene.pairs)
    assert got == want
    assert len(got) > 100
