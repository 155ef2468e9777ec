"""Rows of an image store that stay in memory, unpacked, once they are read: an epoch on small data reads no disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .image_store import ImageStore, PendingRows


class HeldRows:
    """A store whose rows are read from the disk at their first use only. Every row has the numbers of the store.

    It takes `store.row_bytes` for each row that was read. One thread may ask for rows; `PendingHeldRows.result` may be
    called in another.
    """

    def __init__(self, store: ImageStore) -> None:
        self.store = store
        self._rows = np.empty((len(store), *store.row_shape), store.dtype)  # takes memory as rows are written
        self._is_held = np.zeros(len(store), bool)

    def request(self, rows: Sequence[int]) -> PendingHeldRows:
        """Begin to read rows in the background, as `ImageStore.request`."""
        wanted = np.array(rows, np.int64)
        missing = np.unique(wanted[~self._is_held[wanted]])
        return PendingHeldRows(self, wanted, missing, self.store.request(missing.tolist()) if len(missing) else None)

    def hold(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Keep rows [n] with their values [n, *row_shape]."""
        self._rows[rows] = values
        self._is_held[rows] = True

    def values(self, rows: np.ndarray) -> np.ndarray:
        """[n, *row_shape] a copy of held rows [n]."""
        assert self._is_held[rows].all()
        return self._rows[rows]


class PendingHeldRows:
    """Rows [n] of which some are in memory and the others, `missing`, are being read."""

    def __init__(self, held: HeldRows, rows: np.ndarray, missing: np.ndarray, reading: PendingRows | None) -> None:
        self._held, self._rows, self._missing, self._reading = held, rows, missing, reading

    def result(self) -> Tensor:
        """As `PendingRows.result`, with the same errors for rows that are not in memory yet."""
        if self._reading is not None:
            self._held.hold(self._missing, self._reading.stored())
            self._reading = None
        return torch.from_numpy(self._held.values(self._rows)).float()
