"""RoIAlign (He et al. 2017), with a gradient for CPUs that costs what its arithmetic costs.

torchvision computes the values, always. Its gradient on a CPU adds number by number, in one thread. But RoIAlign is
separable: a cell's value is a mean over 2 x 2 samples, each interpolated along y and along x, so a pooled feature is
Y map X^T with one matrix per axis. The gradient is Y^T gradient X: a product per region along x, then sums of rows
along y, of which each cell has four.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag
from torchvision.ops import roi_align

SAMPLES = 2
"""Samples along a side of a cell."""
PART_BYTES = 2**26
"""Of the products along x that are held at once."""


def pool(feature_map: Tensor, boxes: Tensor, image_index: Tensor, size: int, spatial_scale: float) -> Tensor:
    """[K, C, size, size] pooled features of boxes [K, 4] in the detector's coordinates.

    feature_map: [B, C, h, w]. image_index: [K]. size: cells along a side of a pooled feature. spatial_scale: cells of
    the map per pixel of the boxes' coordinates, for example 1/16.
    """
    rois = torch.cat([image_index[:, None].to(boxes), boxes], dim=1)
    if feature_map.device.type == "cpu" and feature_map.requires_grad and torch.is_grad_enabled() and len(rois):
        pooled: Tensor = _RoIAlign.apply(feature_map, rois, image_index, size, spatial_scale)
        return pooled
    return roi_align(feature_map, rois, size, spatial_scale, sampling_ratio=SAMPLES)


class _RoIAlign(torch.autograd.Function):
    """torchvision's values, with the gradient of `map_gradient`. Boxes get no gradient, as with torchvision."""

    @staticmethod
    def forward(ctx: Any, feature_map: Tensor, rois: Tensor, image_index: Tensor, size: int, scale: float) -> Tensor:
        ctx.save_for_backward(rois, image_index)
        ctx.shape, ctx.scale = feature_map.shape, scale
        pooled: Tensor = roi_align(feature_map, rois, size, scale, sampling_ratio=SAMPLES)
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rois, image_index = ctx.saved_tensors
        return map_gradient(gradients[0], rois[:, 1:], image_index, ctx.shape, ctx.scale), None, None, None, None


def map_gradient(gradient: Tensor, boxes: Tensor, image_index: Tensor, shape: torch.Size, scale: float) -> Tensor:
    """[B, C, h, w] the gradient of a map from that of its pooled features [K, C, size, size].

    boxes: [K, 4]. image_index: [K]. shape: of the map. scale: `spatial_scale` of `pool`.
    """
    images, _, height, width = shape
    size = gradient.shape[2]
    along_x = _dense(*_samples(boxes[:, 0], boxes[:, 2], size, scale, width), width).to(gradient)
    rows, weights = _samples(boxes[:, 1], boxes[:, 3], size, scale, height)
    # Every pooled row of cells adds to a few rows of the map. Entries are sorted by the row of the map.
    target, order = (image_index[:, None, None] * height + rows).flatten().sort(stable=True)
    first = torch.searchsorted(target, torch.arange(images * height))
    source, weights = order // rows.shape[2], weights.flatten()[order].to(gradient)
    part = max(1, PART_BYTES // (len(boxes) * size * width * gradient.element_size()))
    found = [embedding_bag(source, torch.bmm(some.transpose(1, 2).reshape(len(boxes), -1, size), along_x).reshape(
        len(boxes) * size, -1), first, mode="sum", per_sample_weights=weights).view(images, height, -1, width)
        for some in gradient.split(part, dim=1)]
    return torch.cat(found, dim=2).transpose(1, 2)


def _samples(start: Tensor, end: Tensor, size: int, scale: float, length: int) -> tuple[Tensor, Tensor]:
    """The cells of a map along one axis from which each pooled cell is interpolated, and their weights: both [K, size,
    4]. start, end: [K] of the boxes. length: of the axis of the map."""
    start, extent = start * scale, (end * scale - start * scale).clamp(min=1)
    cells = (torch.arange(size * SAMPLES, dtype=start.dtype) + 0.5) / (size * SAMPLES)
    at = start[:, None] + cells * extent[:, None]
    inside = ((at >= -1) & (at <= length)).to(at) / SAMPLES
    at = at.clamp(0, length - 1)
    low = at.floor()
    upper = at - low
    rows = torch.stack([low, (low + 1).clamp(max=length - 1)], dim=2).long()
    weights = torch.stack([inside * (1 - upper), inside * upper], dim=2)
    return rows.view(len(start), size, -1), weights.view(len(start), size, -1)


def _dense(rows: Tensor, weights: Tensor, length: int) -> Tensor:
    """[K, size, length] the matrix of `_samples`."""
    return weights.new_zeros(*rows.shape[:2], length).scatter_add_(2, rows, weights)
