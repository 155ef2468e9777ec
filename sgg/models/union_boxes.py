"""The relative position of the two boxes of a pair: drawn as masks, and embedded (docs/SYSTEM.md section 2, "Edges").
"""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from sgg.config.edge_boxes import EdgeBoxes, current_name
from sgg.structures import Array

DRAWINGS: tuple[str, ...] = get_args(EdgeBoxes)
STRIDES = {"published": (16, 16), "intended": (2, 1)}


def union(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """[P, 4] the smallest box around each pair of boxes. boxes1, boxes2: [P, 4]."""
    return torch.cat([torch.minimum(boxes1[:, :2], boxes2[:, :2]), torch.maximum(boxes1[:, 2:], boxes2[:, 2:])], dim=1)


def draw(
    boxes1: Array,
    boxes2: Array,
    size: int = 27,
    kind: str = "union_frame",
    image_sizes: Array | None = None,
) -> Tensor:
    """Draw both boxes of each pair as masks in [0, 1].

    boxes1, boxes2: [P, 4] boxes of subjects and objects. size: cells along a side. kind: the coordinates of the
    drawing; the former names `motifs` and `raw_boxes` are accepted.

    - union_frame (formerly motifs): the drawing shows the union box of the pair. A cell holds the fraction that the box
      covers, computed as Neural Motifs does: per axis, the part of the cell after the start of the box times the part
      before its end. For a box that starts and ends within one cell this is more than the true fraction.
    - image_frame (formerly raw_boxes): the drawing shows the whole image, sampled from a mask of ones. Boxes are in
      pixels with `image_sizes` [P, 2] (height, width), or in [0, 1] without it.
    - image_cells: the drawing shows the whole image, too. A cell is 1 from the one in which the box starts to the first
      one that begins behind its end, and else 0 (Tang et al. 2020, in code).

    A union box without width or height gives empty cells in the union's frame.

    Returns [P, 2, size, size], subject first, in float32, or in float64 where the boxes are float64. Raises ValueError
    for an unknown kind.
    """
    boxes1, boxes2 = (boxes.to(torch.promote_types(boxes.dtype, torch.float32))
                      for boxes in map(torch.as_tensor, (boxes1, boxes2)))
    kind = current_name(kind)
    if kind == "union_frame":
        frame = union(boxes1, boxes2)
        return torch.stack([_coverage(boxes, frame, size) for boxes in (boxes1, boxes2)], dim=1)
    extent = None if image_sizes is None else torch.as_tensor(image_sizes).to(boxes1).flip(1).repeat(1, 2)
    if kind == "image_frame":
        if extent is not None:
            boxes1, boxes2 = boxes1 / extent, boxes2 / extent
        return torch.stack([_sampled(boxes, size) for boxes in (boxes1, boxes2)], dim=1)
    if kind == "image_cells":  # scaled as the reference scales, since a cell may begin exactly at a box
        scale = size if extent is None else (size / extent.double()).to(boxes1)
        return torch.stack([_cells(boxes * scale, size) for boxes in (boxes1, boxes2)], dim=1)
    raise ValueError(f"kind must be one of {', '.join(DRAWINGS)}, got {kind!r}")


def _coverage(boxes: Tensor, frame: Tensor, size: int) -> Tensor:
    """[P, size, size] the fraction of each cell of a grid over `frame` that lies in `boxes`, see `draw`."""
    cells = torch.arange(size, dtype=boxes.dtype, device=boxes.device)
    covered = []
    for axis in (1, 0):  # y before x
        origin = frame[:, axis, None]
        extent = frame[:, axis + 2, None] - origin
        scale = torch.where(extent > 0, size / extent, torch.zeros_like(extent))
        start, end = (boxes[:, axis, None] - origin) * scale, (boxes[:, axis + 2, None] - origin) * scale
        covered.append((cells + 1 - start).clamp(0, 1) * (end - cells).clamp(0, 1))
    return covered[0][:, :, None] * covered[1][:, None, :]


def _sampled(boxes: Tensor, size: int) -> Tensor:
    """[P, size, size] a mask of ones, sampled bilinearly where the grid of the image falls into `boxes` (in [0, 1])."""
    line = torch.linspace(0, 1, size, dtype=boxes.dtype, device=boxes.device)
    extent = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-9)
    axes = [(line - boxes[:, axis, None]) / extent[:, axis, None] * 2 - 1 for axis in (0, 1)]
    grid = torch.stack([axes[0][:, None, :].expand(-1, size, -1), axes[1][:, :, None].expand(-1, -1, size)], dim=3)
    ones = boxes.new_ones(1, 1, size, size).expand(len(boxes), -1, -1, -1)
    return grid_sample(ones, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0]


def _cells(boxes: Tensor, size: int) -> Tensor:
    """[P, size, size] 1 in the cells of a grid that `boxes` [P, 4], in cells, reach, see `draw`."""
    cells = torch.arange(size, dtype=boxes.dtype, device=boxes.device)
    start, end = boxes[:, :2].floor(), boxes[:, 2:].ceil()
    across, down = ((cells >= start[:, axis, None]) & (cells <= end[:, axis, None]) for axis in (0, 1))
    return (down[:, :, None] & across[:, None, :]).to(boxes.dtype)


CENTRE = {"union_frame": 0.5, "image_frame": 0.5, "image_cells": 0.0}
"""What the embedding takes away from each kind of drawing."""


class BoxPairEmbedding(nn.Module):
    """A learned embedding of the drawn boxes, which is added to the pooled features of their union box.

    channels: of the feature map. size: of the drawing. kind: as in `draw`. strides: `published` is 16 and 16, a mistake
    on which the papers' weights depend (the output is one vector for all 7 x 7 cells); `intended` is 2 and 1.
    """

    def __init__(self, channels: int, size: int = 27, kind: str = "union_frame", strides: str = "published"):
        super().__init__()
        kind = current_name(kind)
        if kind not in DRAWINGS:
            raise ValueError(f"kind must be one of {', '.join(DRAWINGS)}, got {kind!r}")
        if strides not in STRIDES:
            raise ValueError(f"strides must be one of {', '.join(STRIDES)}, got {strides!r}")
        self.size, self.kind = size, kind
        first, second = STRIDES[strides]
        self.conv = nn.Sequential(
            nn.Conv2d(2, channels // 2, 7, stride=first, padding=3),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(channels // 2, momentum=0.01),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(channels // 2, channels, 3, stride=second, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(channels, momentum=0.01),
        )

    def forward(self, boxes1: Tensor, boxes2: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, channels, h, w], where h = w = 1 (published) or 7 (intended). image_sizes: [P, 2] height and width."""
        # Autocast is off here: on CPUs, torch 2.15 returns uninitialised memory as part of the bf16 gradient of the
        # weights of a strided convolution, where the stride skips some of their cells (1 x 1 input, stride 16).
        with torch.autocast(boxes1.device.type, enabled=False):
            return self.conv(draw(boxes1, boxes2, self.size, self.kind, image_sizes) - CENTRE[self.kind])
