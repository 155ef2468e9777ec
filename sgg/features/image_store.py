"""A store with one row per image: what the frozen detector computes for it, such as its map.

An image may have a second row for its mirrored view: row `2 * image + mirrored`. Rows are read by number; a training
step reads those of its batch. The array is that of `array.py`, so a read returns correct rows or raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import array
from .identity import StoreIdentity
from .image_metadata import REPAIR, SHARDS_REMEDY, image_attributes
from .metadata import DAMAGED, identity_of, require_shards, stamp_of

NAMED = 5
"""The number of damaged rows that a message names."""


def row_of(image: int, mirrored: bool, views: int) -> int:
    """The row of an image. views: 2 where the store has mirrored images, else 1."""
    assert views == 2 or not mirrored  # whoever opens a store asks for the views that it needs
    return views * image + mirrored


class ImageStore:
    """One row per image and view, read-only. Any number of processes on any node may read the same store.

    identity: everything that decides the rows. row_shape: for example (512, 38, 38). num_bytes: on the disk.
    shard_bytes: the same of each shard, of `shard_rows` rows.

    `ImageStore.open` makes it. It reads with its own threads, so a process with an open store must not fork and read in
    the child.
    """

    def __init__(self, path: Path, attributes: dict[str, Any], rows: int, threads: int, stamp: tuple[int, ...]) -> None:
        self.path = path
        self.identity = identity_of(path, attributes)
        self.codec: str = attributes["codec"]
        self.shard_bytes: list[int] = attributes["shard_bytes"]
        self.num_bytes = sum(self.shard_bytes)
        self._rows, self._stamp = rows, stamp
        try:
            self._array = array.open_readonly(path, threads)
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"{path}: {DAMAGED.format(f'no readable array: {reason}')}") from None
        self.shard_rows = array.rows_of_shard(path)
        self.row_shape = tuple(self._array.shape[1:])

    @classmethod
    def open(cls, path: Path | str, expected: StoreIdentity | None = None, threads: int = 2) -> ImageStore:
        """Open the sealed store at `path`. threads: the number of threads that read and decompress.

        Raises FileNotFoundError if there is no store or an unfinished one; StoreMismatchError (a ValueError) if it is
        not `expected`; ValueError if it is no such store, has another version, its zarr.json is damaged, or a shard is
        missing or cut off.
        """
        path = Path(path)
        stamp = stamp_of(path)  # taken first, so that everything read later is not older
        attributes, rows = image_attributes(path)
        if expected is not None:
            expected.require(identity_of(path, attributes), path)
        require_shards(path, attributes["shard_bytes"], SHARDS_REMEDY)
        return cls(path, attributes, rows, threads, stamp)

    def __len__(self) -> int:
        return self._rows

    @property
    def dtype(self) -> np.dtype:
        """The type of its numbers."""
        found: np.dtype = self._array.dtype.numpy_dtype
        return found

    @property
    def row_bytes(self) -> int:
        """The bytes of a row before compression."""
        return self.dtype.itemsize * int(np.prod(self.row_shape))

    @property
    def num_shards(self) -> int:
        """The number of its shards."""
        return len(self.shard_bytes)

    def rows_of(self, shard: int) -> range:
        """The rows of a shard."""
        return range(shard * self.shard_rows, min(self._rows, (shard + 1) * self.shard_rows))

    def request(self, rows: Sequence[int]) -> PendingRows:
        """Begin to read rows in the background."""
        return PendingRows(self, np.array(rows, np.int64))

    def __getitem__(self, rows: Sequence[int]) -> np.ndarray:
        """[n, *row_shape] of the rows, in the type of the store. Raises ValueError as `PendingRows.result` does."""
        return self.request(rows).stored()

    def damaged(self, rows: Sequence[int]) -> list[int]:
        """The distinct rows among `rows` that cannot be read, ascending."""
        return [row for row in sorted(set(rows)) if self._is_damaged(row)]

    def _is_damaged(self, row: int) -> bool:
        try:
            return bool(array.is_missing(self._array.oindex[[row]].read().result()).any())
        except (ValueError, OSError):
            return True

    @property
    def unchanged(self) -> bool:
        """Whether the store was neither deleted nor written again since it was opened."""
        return stamp_of(self.path) == self._stamp

    def require_unchanged(self) -> None:
        """Raise ValueError unless it is `unchanged`."""
        if not self.unchanged:
            raise ValueError(f"{self.path}: was deleted or written again since this process opened it: restart the run")

    def damage(self, rows: list[int], reason: str = "") -> str:
        """The message for rows that cannot be read."""
        views = self.identity.settings.get("views", 1)
        named = [f"row {row} (image {row // views} of {self.identity.settings.get('part')}"
                 f"{', mirrored' if row % views else ''}; chunk {row % self.shard_rows} of "
                 f"{array.shard_of(Path(), row // self.shard_rows, self.row_shape)})" for row in rows[:NAMED]]
        more = [f"{len(rows) - NAMED:,} more"] if len(rows) > NAMED else []
        reason = " ".join(reason.split())[:200]
        return (f"{self.path}: cannot be read, its files are damaged: {', '.join(named + more) or 'some rows'}"
                f"{f' ({reason})' if reason else ''}; {REPAIR} computes just these again")


class PendingRows:
    """Rows [n] of a store that are being read."""

    def __init__(self, store: ImageStore, rows: np.ndarray) -> None:
        self._store, self._rows = store, rows
        self._space = np.empty((len(rows), *store.row_shape), store.dtype)
        self._pieces = array.gather(store._array, rows, self._space)

    def stored(self) -> np.ndarray:
        """[n, *row_shape] in the type of the store. It can be called only once.

        Raises ValueError, naming images and chunks, if the store is damaged, or was written again since it was opened.
        """
        store = self._store
        try:
            for _, reading in self._pieces:
                reading.result()
        except (ValueError, OSError) as error:
            store.require_unchanged()
            raise ValueError(store.damage(store.damaged(self._rows.tolist()), str(error))) from error
        store.require_unchanged()
        if (missing := array.is_missing(self._space)).any():
            raise ValueError(store.damage(self._rows[missing].tolist(), "their shards are gone"))
        self._pieces = []
        return self._space

    def result(self) -> Tensor:
        """[n, *row_shape] float32 on the CPU; see `stored`."""
        return torch.from_numpy(self.stored()).float()
