"""The two boxes of a pair, drawn as masks (docs/SYSTEM.md section 2, "Edges")."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from sgg.config.edge_boxes import EdgeBoxes, current_name
from sgg.structures import Array

DRAWINGS: tuple[str, ...] = get_args(EdgeBoxes)


def union(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """[P, 4] the smallest box around each pair of boxes. boxes1, boxes2: [P, 4]."""
    return torch.cat([torch.minimum(boxes1[:, :2], boxes2[:, :2]), torch.maximum(boxes1[:, 2:], boxes2[:, 2:])], dim=1)


def draw(
    boxes1: Array,
    boxes2: Array,
    size: int = 27,
    kind: str = "union_frame",
    image_sizes: Array | None = None,
    lines: Tensor | None = None,
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

    lines: [n] the rows of the drawing that are wanted, which are also its columns; None: all.

    Returns [P, 2, size, size], or [P, 2, n, n], subject first, in float32, or in float64 where the boxes are float64.
    Raises ValueError for an unknown kind.
    """
    boxes1, boxes2 = (boxes.to(torch.promote_types(boxes.dtype, torch.float32))
                      for boxes in map(torch.as_tensor, (boxes1, boxes2)))
    kind = current_name(kind)
    if lines is None:
        lines = torch.arange(size, device=boxes1.device)
    if kind == "union_frame":
        frame = union(boxes1, boxes2)
        return torch.stack([_coverage(boxes, frame, size, lines) for boxes in (boxes1, boxes2)], dim=1)
    extent = None if image_sizes is None else torch.as_tensor(image_sizes).to(boxes1).flip(1).repeat(1, 2)
    if kind == "image_frame":
        if extent is not None:
            boxes1, boxes2 = boxes1 / extent, boxes2 / extent
        return torch.stack([_sampled(boxes, size, lines) for boxes in (boxes1, boxes2)], dim=1)
    if kind == "image_cells":  # scaled as the reference scales, since a cell may begin exactly at a box
        scale = size if extent is None else (size / extent.double()).to(boxes1)
        return torch.stack([_cells(boxes * scale, lines) for boxes in (boxes1, boxes2)], dim=1)
    raise ValueError(f"kind must be one of {', '.join(DRAWINGS)}, got {kind!r}")


def _coverage(boxes: Tensor, frame: Tensor, size: int, lines: Tensor) -> Tensor:
    """[P, n, n] the fraction of the cells on some lines of a grid over `frame` that lies in `boxes`, see `draw`."""
    cells = lines.to(boxes.dtype)
    covered = []
    for axis in (1, 0):  # y before x
        origin = frame[:, axis, None]
        extent = frame[:, axis + 2, None] - origin
        scale = torch.where(extent > 0, size / extent, torch.zeros_like(extent))
        start, end = (boxes[:, axis, None] - origin) * scale, (boxes[:, axis + 2, None] - origin) * scale
        covered.append((cells + 1 - start).clamp(0, 1) * (end - cells).clamp(0, 1))
    return covered[0][:, :, None] * covered[1][:, None, :]


def _sampled(boxes: Tensor, size: int, lines: Tensor) -> Tensor:
    """[P, n, n] a mask of ones, sampled bilinearly where some lines of the grid of the image fall into `boxes` (in
    [0, 1])."""
    line = torch.linspace(0, 1, size, dtype=boxes.dtype, device=boxes.device)[lines]
    extent = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-9)
    axes = [(line - boxes[:, axis, None]) / extent[:, axis, None] * 2 - 1 for axis in (0, 1)]
    grid = torch.stack(torch.broadcast_tensors(axes[0][:, None, :], axes[1][:, :, None]), dim=3)
    ones = boxes.new_ones(1, 1, size, size).expand(len(boxes), -1, -1, -1)
    return grid_sample(ones, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0]


def _cells(boxes: Tensor, lines: Tensor) -> Tensor:
    """[P, n, n] 1 in the cells on some lines of a grid that `boxes` [P, 4], in cells, reach, see `draw`."""
    cells = lines.to(boxes.dtype)
    start, end = boxes[:, :2].floor(), boxes[:, 2:].ceil()
    across, down = ((cells >= start[:, axis, None]) & (cells <= end[:, axis, None]) for axis in (0, 1))
    return (down[:, :, None] & across[:, None, :]).to(boxes.dtype)
