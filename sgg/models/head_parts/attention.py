"""Attention among the rows of each image: objects, or pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from .grid import ObjectGrid

Drop = Callable[[Tensor], Tensor]
"""Applies dropout."""
PART_BYTES = 1 << 26
"""Bytes of the weights of attention that exist at once in evaluation."""


class Attention(Protocol):
    """Attention within each image."""

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor, drop: Drop) -> Tensor:
        """[n, heads, dim] for each row the mean of the values of its image, weighted by the softmax of the products of
        its query and their keys. All arguments: [n, heads, dim]; drop: applied to the weights."""


class PaddedAttention:
    """Attention for few rows an image: images are padded to equal length, and all are computed together."""

    def __init__(self, grid: ObjectGrid) -> None:
        self._grid = grid

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor, drop: Drop) -> Tensor:
        """As `Attention`."""
        queries, keys, values = (self._grid.pad(rows).transpose(1, 2) for rows in (queries, keys, values))
        scores = _scores(queries, keys)  # [B, heads, L, L]
        # Not minus infinity: in the row of an image without objects every place is padding.
        scores = scores.masked_fill(~self._grid.real[:, None, None], torch.finfo(scores.dtype).min)
        return self._grid.unpad((drop(scores.softmax(dim=3)) @ values).transpose(1, 2))


class ImageAttention:
    """Attention for many rows an image: one image after another, without padding. In evaluation, where no gradient is
    needed, an image with many rows is computed in parts of bounded memory.

    counts: the rows of each image, on the host.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = list(counts)

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor, drop: Drop) -> Tensor:
        """As `Attention`."""
        found = [values[:0]]
        for of_image in zip(*(rows.split(self._counts) for rows in (queries, keys, values)), strict=True):
            asked, offered, taken = (rows.transpose(0, 1) for rows in of_image)  # [heads, n, dim]
            length = offered.shape[1]
            together = max(PART_BYTES // max(4 * asked.shape[0] * length, 1), 1)
            for part in asked.split(length if torch.is_grad_enabled() and length else together, dim=1):
                found.append((drop(_scores(part, offered).softmax(dim=2)) @ taken).transpose(0, 1))
        return torch.cat(found)


def _scores(queries: Tensor, keys: Tensor) -> Tensor:
    return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
