"""The boxes of a pair as numbers."""

from __future__ import annotations

import torch
from torch import Tensor

NUMBERS, LEAST_SIDE = 32, 100
"""The numbers of a pair, and the smallest side of an image by which coordinates are divided."""


def box_numbers(boxes: Tensor, image_sizes: Tensor) -> Tensor:
    """[N, 8] corners, centre, width and height of each box, divided by the longer side of its image.

    boxes: [N, 4]. image_sizes: [N, 2] of the image of each box. A box from 3 to 5 is 3 pixels wide.
    """
    longer = image_sizes.amax(1, keepdim=True).clamp(min=LEAST_SIDE).to(boxes.dtype)
    return _described(boxes) / longer


def pair_numbers(boxes: Tensor, pairs: Tensor) -> Tensor:
    """[P, 32] the numbers of the subject's box, the object's box, their union and their intersection.

    boxes: [N, 8] as `box_numbers` gives them. pairs: [P, 2]. The numbers of the intersection are 0 where there is none.
    As in the reference, width and height of union and intersection get their additional 1 after the division.
    """
    subjects, objects = boxes[pairs[:, 0]], boxes[pairs[:, 1]]
    low, high = (torch.stack([subjects[:, :4], objects[:, :4]]).aminmax(dim=0))
    union = _described(torch.cat([low[:, :2], high[:, 2:]], dim=1))
    shared = torch.cat([high[:, :2], low[:, 2:]], dim=1)
    apart = (shared[:, 2:] < shared[:, :2]).any(1, keepdim=True)
    return torch.cat([subjects, objects, union, _described(shared).masked_fill(apart, 0.0)], dim=1)


def _described(boxes: Tensor) -> Tensor:
    """[N, 8] corners, centre, width and height of boxes [N, 4]."""
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    return torch.cat([boxes, boxes[:, :2] + sides / 2, sides], dim=1)
