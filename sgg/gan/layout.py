"""Lay out objects on a map: stretch the features of every object into its box on the grid of its image."""

from __future__ import annotations

import torch
from torch import Tensor

from sgg.common.counting import counted


def boxes_to_layout(features: Tensor, boxes: Tensor, image_index: Tensor, size: int, *,
                    num_images: int | None = None, largest: int | None = None) -> Tensor:
    """Lay out objects on size x size maps, one map per image, and add them up.

    features: [N, D, h, w]. boxes: [N, 4] x1, y1, x2, y2 in [0, 1]. image_index: [N]. num_images: B; None: up to the
    last image that has an object. largest: the most objects of an image; None: they are counted, which waits for the
    device. Returns [B, D, size, size].

    Bilinear sampling (`grid_sample` with align_corners=False and zeros outside) of an axis-aligned box is separable:
    the map of an object is rows @ features @ columns.T, where rows [size, h] and columns [size, w] hold hat-shaped
    weights. The sum over the objects of an image is therefore one matrix product, and [N, D, size, size] is never
    built.
    """
    images = num_images if num_images is not None else int(image_index.max()) + 1
    channels, height, width = features.shape[1:]
    columns = _hat_weights(boxes[:, 0], boxes[:, 2], size, width)
    rows = _hat_weights(boxes[:, 1], boxes[:, 3], size, height)
    stretched = torch.einsum("ndhw,nxw->nhdx", features, columns)

    counts = counted(image_index, images)
    rank = torch.arange(len(boxes), device=boxes.device) - (counts.cumsum(0) - counts)[image_index]
    most = int(counts.max()) if largest is None else largest
    padded_rows = rows.new_zeros(images, most, height, size)
    padded_rows[image_index, rank] = rows.transpose(1, 2)
    padded = stretched.new_zeros(images, most, height, channels, size)
    padded = padded.index_put((image_index, rank), stretched)
    # As one product of two matrices an image: einsum would copy the larger one to another order first.
    summed = padded_rows.flatten(1, 2).transpose(1, 2) @ padded.flatten(3).flatten(1, 2)
    return summed.view(images, size, channels, size).transpose(1, 2)


def _hat_weights(low: Tensor, high: Tensor, size: int, cells: int) -> Tensor:
    """[N, size, cells] the weight of each of `cells` cells, spread over [low, high], at each of `size` points of [0,
    1].

    A box without extent gets a tiny one, so that the result is finite (and almost zero).
    """
    points = torch.linspace(0, 1, size, device=low.device, dtype=low.dtype)
    extent = (high - low).clamp(min=1e-6)
    position = (points - low[:, None]) / extent[:, None] * cells - 0.5
    return (1 - (position[:, :, None] - torch.arange(cells, device=low.device)).abs()).relu()
