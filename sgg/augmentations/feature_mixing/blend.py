"""Blends: which rows of a table take up features, and how much of each is left where several follow one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .bank import occurrences


@dataclass(frozen=True, slots=True)
class Blend:
    """x[row] <- share x feature + (1 - share) x x[row], for M rows one after another.

    rows: [M] of a table of n; a row may come several times. weights: [M] of each feature in the end. kept: [n] how much
    of the first value is left.
    """

    rows: Tensor
    weights: Tensor
    kept: Tensor

    @classmethod
    def of(cls, rows: np.ndarray, count: int, share: float) -> Blend:
        """The blend of rows [M] of a table of `count`."""
        after = occurrences(rows)[1]
        weights = share * (1 - share) ** after
        kept = (1 - share) ** np.bincount(rows, minlength=count)
        return cls(torch.from_numpy(rows), torch.from_numpy(weights).float(), torch.from_numpy(kept).float())

    def __call__(self, table: Tensor, features: Tensor) -> Tensor:
        """The table [n, ...] after blending features [M, ...] in, on the device of the table."""
        rows, weights, kept = (one.to(table.device, non_blocking=True) for one in (self.rows, self.weights, self.kept))
        axes = (-1, *[1] * (table.dim() - 1))
        return (table * kept.to(table).view(axes)).index_add_(0, rows, features * weights.to(table).view(axes))
