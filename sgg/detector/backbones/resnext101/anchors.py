"""The anchors of a feature pyramid, as maskrcnn-benchmark rounds them."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models.detection.rpn import AnchorGenerator

SIZES, STRIDES = (32, 64, 128, 256, 512), (4, 8, 16, 32, 64)
"""The side of a square anchor, and the pixels of a cell, of each level."""
SHAPES = (0.23232838, 0.63365731, 1.28478321, 3.15089189)
"""Height over width of the anchors: those of Neural Motifs."""


class PyramidAnchors(AnchorGenerator):  # type: ignore[misc]  # torchvision has no types
    """Four anchors a cell on each of five levels. A box ends behind its last pixel, as torchvision's boxes do."""

    def __init__(self) -> None:
        super().__init__(tuple((size,) for size in SIZES), (SHAPES,) * len(SIZES))
        self.cell_anchors = [cell_anchors(size, stride) for size, stride in zip(SIZES, STRIDES, strict=True)]


def cell_anchors(size: int, stride: int) -> Tensor:
    """[4, 4] the anchors around the first cell of a level: x1, y1, and x2, y2 behind the last pixel.

    Width and height are rounded for a square of one cell, then scaled; the centre is that of the pixels of the cell.
    """
    shapes = torch.tensor(SHAPES, dtype=torch.float64)
    widths = (stride ** 2 / shapes).sqrt().round()
    sides = torch.stack([widths, (widths * shapes).round()], dim=1) * (size / stride)
    centre = (stride - 1) / 2
    return torch.cat([centre - (sides - 1) / 2, centre + (sides + 1) / 2], dim=1).float()
