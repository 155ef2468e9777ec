"""The levels of a feature pyramid, packed into one map, and regions that are pooled from them (Lin et al. 2017).

Level i has half the cells of level i - 1 along each side. The packed map has the finest level at its left; to the right
of it the others stand one below the other, each at the left edge. So a pyramid goes wherever a map goes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .roi_align import pool

CANONICAL = 224, 2
"""A box whose area is that of a square of 224 pixels is pooled from this level, counted from 0; one of half the side
from the level below."""


def pack(levels: Sequence[Tensor]) -> Tensor:
    """[B, C, s, s + s / 2] the levels [B, C, s, s], [B, C, s / 2, s / 2], ... in one map; zeros between them."""
    first, *others = levels
    side = first.shape[-1]
    packed = first.new_zeros(*first.shape[:-1], side + side // 2)
    packed[..., :side] = first
    top = 0
    for level in others:
        size = level.shape[-1]
        packed[..., top:top + size, side:side + size] = level
        top += size
    return packed


def unpack(packed: Tensor, levels: int) -> list[Tensor]:
    """The levels of a packed map, the finest first, as views of it."""
    side, found, top = packed.shape[-2], [packed[..., :packed.shape[-2]]], 0
    for number in range(1, levels):
        size = side >> number
        found.append(packed[..., top:top + size, side:side + size])
        top += size
    return found


def level_of(boxes: Tensor, levels: int) -> Tensor:
    """[K] the level from which each box [K, 4] is pooled. Boxes are in pixels; the last pixel belongs to a box."""
    size, level = CANONICAL
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    exponent = torch.log2(sides.prod(dim=1).clamp(min=0).sqrt() / size + 1e-6)
    return (level + exponent).floor().clamp(0, levels - 1).long()


def pool_own_level(pyramid: Sequence[Tensor], boxes: Tensor, image_index: Tensor, size: int,
                   spatial_scale: float) -> Tensor:
    """[K, C, size, size] each box pooled from the level that suits its size.

    pyramid: the levels [B, C, h, w], the finest first. boxes: [K, 4] in pixels. image_index: [K]. spatial_scale: cells
    of the finest level a pixel.
    """
    own = level_of(boxes, len(pyramid))
    pooled = pyramid[0].new_zeros(len(boxes), pyramid[0].shape[1], size, size)
    for number, level in enumerate(pyramid):
        rows = (own == number).nonzero()[:, 0]
        pooled = pooled.index_copy(0, rows, pool(level.contiguous(), boxes[rows], image_index[rows], size,
                                                 spatial_scale / 2 ** number))
    return pooled


def pool_all_levels(pyramid: Sequence[Tensor], boxes: Tensor, image_index: Tensor, size: int,
                    spatial_scale: float) -> Tensor:
    """[K, levels x C, size, size] each box pooled from every level. The arguments are those of `pool_own_level`."""
    return torch.cat([pool(level.contiguous(), boxes, image_index, size, spatial_scale / 2 ** number)
                      for number, level in enumerate(pyramid)], dim=1)
