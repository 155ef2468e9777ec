"""Drawn box pairs, the frequency table and pair sampling against the reference (docs/SYSTEM.md section 2)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from sgg.models.frequency_bias import FrequencyBias, frequency_table
from sgg.models.sampling import training_pairs
from sgg.models.union_boxes import draw

FILES = Path(__file__).parent / "files"
UNION = np.load(FILES / "union_boxes.npz")
FREQUENCY = np.load(FILES / "freq_bias.npz")
SAMPLING = np.load(FILES / "rel_sampling.npz")


def test_draw_in_the_union_frame() -> None:
    boxes, pairs = torch.tensor(UNION["rois"]), UNION["union_inds"]
    np.testing.assert_allclose(draw(boxes[pairs[:, 0]], boxes[pairs[:, 1]]), UNION["motifs"], rtol=1e-4, atol=1e-5)


def test_draw_in_the_image_frame() -> None:
    boxes, pairs = UNION["boxes01"], UNION["union_inds"]
    found = draw(boxes[pairs[:, 0]], boxes[pairs[:, 1]], kind="image_frame")
    np.testing.assert_allclose(found, UNION["raw_boxes"], rtol=1e-4, atol=1e-5)


def test_draw_in_the_image_frame_from_pixels() -> None:
    """The same drawing from pixels and the image's size, to the rounding of the division."""
    boxes, pairs = UNION["rois"], UNION["union_inds"]
    sizes = np.full((len(pairs), 2), UNION["im_size"])
    found = draw(boxes[pairs[:, 0]], boxes[pairs[:, 1]], kind="image_frame", image_sizes=sizes)
    np.testing.assert_allclose(found, UNION["raw_boxes"], rtol=1e-3, atol=1e-3)


def test_iou_convention() -> None:
    boxes = torch.tensor(UNION["rois"])
    np.testing.assert_allclose(box_iou(boxes, boxes), UNION["iou"], rtol=1e-5, atol=1e-6)


def test_frequency_table() -> None:
    table = frequency_table(FREQUENCY["out.fg"], FREQUENCY["out.bg"])
    np.testing.assert_allclose(table.reshape(144, 8), FREQUENCY["out.table"], rtol=1e-6)
    bias = FrequencyBias(table)
    subjects, objects = torch.tensor(FREQUENCY["in.labels"]).T
    np.testing.assert_array_equal(bias(subjects, objects).detach(), FREQUENCY["out.indexed"])


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_training_pairs(batch: int) -> None:
    images = torch.tensor(SAMPLING[f"{batch}.in.rois"][:, 0]).long()
    relations = torch.tensor(SAMPLING[f"{batch}.in.gt_rels"])
    first_object = torch.searchsorted(images, torch.arange(int(images.max()) + 1))
    relations[:, 1:3] += first_object[relations[:, :1]]
    pairs, predicates = training_pairs(images, relations, int(images.max()) + 1)
    found = torch.cat([images[pairs[:, :1]], pairs, predicates[:, None]], dim=1)
    expected = SAMPLING[f"{batch}.out.rel_labels"]
    np.testing.assert_array_equal(found[:, :3], expected[:, :3])
    # Where a pair has several predicates, their order is arbitrary.
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, expected.tolist()))


@pytest.mark.parametrize("row", SAMPLING["subsampled.n_im_relsperimg_fgavail_pairs_fgkept_bgkept"].tolist())
def test_training_pairs_keeps_the_budget(row: list[int]) -> None:
    """The budget is the batch's. Objects are made up so that available annotated and ordered pairs are the row's."""
    images, budget, annotated, ordered, kept_foreground, kept_background = row
    candidates = torch.stack([torch.arange(ordered), torch.arange(ordered)], dim=1)
    relations = torch.cat([torch.zeros(annotated, 1, dtype=torch.long), candidates[:annotated],
                           torch.ones(annotated, 1, dtype=torch.long)], dim=1)
    _, predicates = training_pairs(torch.zeros(ordered, dtype=torch.long), relations, images, budget,
                                   generator=torch.Generator().manual_seed(0), background=candidates)
    assert ((predicates > 0).sum().item(), (predicates == 0).sum().item()) == (kept_foreground, kept_background)
