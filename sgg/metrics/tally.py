"""Integer counts under integer keys: the statistics that metrics keep of the images seen so far.

Sums of integers do not depend on their order, so merged partial results equal exactly those of a single pass.
"""

from __future__ import annotations

import numpy as np


class Tally:
    """The sum of the values added under each key; values have `width` columns.

    Memory grows with the number of distinct keys, not with the number of additions.
    """

    def __init__(self, width: int) -> None:
        self._keys = np.empty(0, np.int64)
        self._values = np.empty((0, width), np.int64)
        self._added: list[tuple[np.ndarray, np.ndarray]] = []
        self._num_added = 0

    def add(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Add values [M, width] under keys [M]; a key may occur several times."""
        # An empty table that went through JSON has lost its types and its second axis.
        keys, values = keys.astype(np.int64, copy=False), values.astype(np.int64, copy=False)
        self._added.append((keys, values.reshape(len(keys), self._values.shape[1])))
        self._num_added += len(keys)
        # Sorting only after more additions than keys keeps the total cost of sorting almost linear.
        if self._num_added > max(4096, len(self._keys)):
            self._compact()

    def items(self) -> tuple[np.ndarray, np.ndarray]:
        """Ascending distinct keys [T] and their sums [T, width]."""
        self._compact()
        return self._keys, self._values

    def _compact(self) -> None:
        if not self._added:
            return
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._added)])
        values = np.concatenate([self._values, *(values for _, values in self._added)])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = run_starts(keys)
        self._keys = keys[starts]
        self._values = np.add.reduceat(values[order], starts) if len(starts) else values
        self._added, self._num_added = [], 0


def run_starts(ordered: np.ndarray) -> np.ndarray:
    """The start of each run of equal values in a sorted array [M]."""
    if not len(ordered):
        return np.empty(0, np.int64)
    return np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
