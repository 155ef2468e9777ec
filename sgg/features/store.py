"""Read a store: rows are grouped by class; one random row for each label is gathered at once.

A read returns correct rows or raises. Rows, indices and metadata have checksums (`array.py`). A store that was deleted
or written again since it was opened is refused: every read checks the stamp of its zarr.json. Stores of the first
edition have no checksums of rows and metadata. They are read without checks, and the log says so.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgg.structures import Array, to_numpy

from . import array
from .identity import StoreIdentity
from .metadata import FIRST_EDITION, attributes_of, identity_of, require_shards, stamp_of

log = logging.getLogger(__name__)

MAX_NAMED_ROWS = 5
"""A message names at most this number of damaged rows."""


class FeatureStore:
    """Stored features of detector RoIs, read-only. Any number of processes on any node may read the same store.

    identity: everything that decides the rows. counts: [C] int64 the number of rows of each class. row_shape: for
    example (512, 7, 7). empty_classes: classes without a row, except the background. verified: whether rows have
    checksums; those of the first edition have none.

    `FeatureStore.open` makes it. It can be pickled. It reads with its own threads, so a process with an open store must
    not fork and read in the child. Spawned processes and Ray's workers are fine.
    """

    def __init__(self, path: Path, attributes: dict[str, Any], threads: int, stamp: tuple[int, ...]):
        self.path = path
        self.verified: bool = attributes["feature_store"] > FIRST_EDITION
        self.identity = identity_of(path, attributes)
        self.codec: str = attributes["codec"]
        self.num_bytes = sum(attributes["shard_bytes"])
        self.counts = np.array(attributes["counts"], np.int64)
        self.empty_classes = [label for label in np.flatnonzero(self.counts == 0).tolist() if label != 0]
        self._ends = np.cumsum(self.counts)
        self._starts = self._ends - self.counts
        self._threads = threads
        self._stamp = stamp
        self._array = _opened(path, threads)
        self._warned = False
        self._space: np.ndarray | None = None
        self._shard_rows: int = self._array.chunk_layout.write_chunk.shape[0]
        self._shard_bytes: list[int] = attributes["shard_bytes"]
        self.row_shape = tuple(self._array.shape[1:])

    @classmethod
    def open(cls, path: str | Path, expected: StoreIdentity | None = None, threads: int = 2) -> FeatureStore:
        """Open the sealed store at `path`. threads: the number of threads that read and decompress.

        Raises FileNotFoundError if there is no store or an unfinished one; StoreMismatchError (a ValueError) if it is
        not `expected`; ValueError if it is no feature store, has another version, its zarr.json is damaged, or a shard
        is missing or cut off.
        """
        path = Path(path)
        stamp = stamp_of(path)  # taken first, so that everything read later is not older
        attributes = attributes_of(path)
        if expected is not None:
            expected.require(identity_of(path, attributes), path)
        require_shards(path, attributes["shard_bytes"])
        store = cls(path, attributes, threads, stamp)
        if not store.verified:
            log.warning("%s: a store of the first edition, without checksums: what is read from it is not verified; "
                        "delete it so that it is written again with checksums", path)
        return store

    def __reduce__(self) -> tuple[Callable[..., FeatureStore], tuple[Any, ...]]:
        return FeatureStore.open, (self.path, self.identity, self._threads)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, rows: slice | Array) -> np.ndarray:
        """[n, *row_shape] float16 of the rows of a slice or of indices [n]. Raises ValueError as `sample` does."""
        index = np.arange(len(self))[rows] if isinstance(rows, slice) else to_numpy(rows)
        return self._read(index, self._array.oindex[index].read())

    def labels_of(self, rows: Array) -> np.ndarray:
        """[n] the classes of rows [n]."""
        return np.searchsorted(self._ends, to_numpy(rows), side="right")

    def draw(self, labels: Array, generator: torch.Generator | None = None) -> np.ndarray:
        """[N] int64: for each of labels [N] a row of its class, uniformly at random; -1 if the class has no row.

        Raises ValueError if a label is not a class.
        """
        labels = to_numpy(labels).astype(np.int64, copy=False)
        if len(labels) and (labels.min() < 0 or labels.max() >= len(self.counts)):
            raise ValueError(f"{self.path}: labels must be in [0, {len(self.counts)}), "
                             f"got {labels.min()} .. {labels.max()}")
        device = "cpu" if generator is None else generator.device
        shares = torch.rand(len(labels), generator=generator, dtype=torch.float64, device=device).cpu().numpy()
        counts = self.counts[labels]
        rows = self._starts[labels] + (shares * counts).astype(np.int64)
        return np.where(counts > 0, rows, -1)

    def request(self, labels: Array, generator: torch.Generator | None = None,
                device: torch.device | str = "cpu") -> PendingSample:
        """Draw like `sample`, and read in the background until the caller asks for the result on `device`."""
        rows = self.draw(labels, generator)
        if not self._warned and (rows < 0).any():
            self._warned = True
            names = [self.identity.classes[label] for label in np.unique(to_numpy(labels)[rows < 0])]
            warnings.warn(f"{self.path}: no feature of {', '.join(names)}: zeros are used instead", stacklevel=2)
        return PendingSample(self, rows, device)

    def request_rows(self, rows: np.ndarray, device: torch.device | str = "cpu") -> PendingSample:
        """Begin to read rows [n] by their numbers, in the background. The result is as that of `request`."""
        return PendingSample(self, rows, device)

    def sample(self, labels: Array, generator: torch.Generator | None = None) -> Tensor:
        """[N, *row_shape] float32: for each of labels [N] one stored feature of that class, uniformly at random.

        A class without a row gets zeros, the rectified feature of an empty region, and each store warns once. So such
        a class does not stop a training run; `empty_classes` lists these classes beforehand.

        Raises ValueError if a label is not a class, if the store is damaged (it names rows and shards), or if it was
        deleted or written again since it was opened.
        """
        return self.request(labels, generator).result()

    def _read(self, index: np.ndarray, reading: Any, into: np.ndarray | None = None) -> np.ndarray:
        """The result of `reading` the rows `index`, or `into` if the rows are read into it."""
        try:
            found = reading.result()
        except (ValueError, OSError) as error:
            self._require_unchanged()
            raise ValueError(self._damage(self._damaged(index), str(error))) from error
        rows = found if into is None else into
        self._require_unchanged()
        if (missing := self._missing(index, rows)).any():
            raise ValueError(self._damage(index[missing].tolist(), "their shards are gone"))
        return rows

    def _missing(self, index: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """[n] whether each of `rows` [n, *row_shape], read as the rows `index` [n], is missing in the store."""
        if self.verified:
            return array.is_missing(rows)
        # In the first edition missing rows read as zeros, like a feature of zeros. The files show the difference.
        zeros = ~rows.any(axis=tuple(range(1, rows.ndim)))
        shards = index // self._shard_rows
        gone = [shard for shard in np.unique(shards[zeros]).tolist() if self._shard_bytes[shard]
                and not array.shard_of(self.path, shard, self.row_shape).exists()]
        return zeros & np.isin(shards, gone)

    def _damaged(self, rows: np.ndarray) -> list[int]:
        """The distinct rows among rows [n] that cannot be read, ascending."""
        def is_damaged(row: int) -> bool:
            try:
                return bool(self._missing(np.array([row]), self._array.oindex[[row]].read().result()).any())
            except (ValueError, OSError):
                return True

        return [row for row in np.unique(rows).tolist() if is_damaged(row)]

    def _require_unchanged(self) -> None:
        if stamp_of(self.path) != self._stamp:
            raise ValueError(f"{self.path}: was deleted or written again since this process opened it, so its "
                             "rows and classes may have changed: restart the run")

    def _damage(self, rows: list[int], reason: str = "") -> str:
        """The message for rows that cannot be read."""
        step = self._shard_rows
        first = rows[:MAX_NAMED_ROWS]
        named = [f"row {row} of class {self.identity.classes[label]} (chunk {row % step} of "
                f"{array.shard_of(Path(), row // step, self.row_shape)})"
                for row, label in zip(first, self.labels_of(np.array(first, np.int64)).tolist(), strict=True)]
        more = [f"{len(rows) - MAX_NAMED_ROWS:,} more"] if len(rows) > MAX_NAMED_ROWS else []
        reason = " ".join(reason.split())[:200]
        return (f"{self.path}: cannot be read, its files are damaged: {', '.join(named + more) or 'some rows'}"
                f"{f' ({reason})' if reason else ''}; delete the store, and the next run, or `python -m sgg.features "
                "extract`, writes it again")


class PendingSample:
    """A sample that is being read: rows [N] of a store, -1 for zeros."""

    def __init__(self, store: FeatureStore, rows: np.ndarray, device: torch.device | str):
        self._store, self._device = store, torch.device(device)
        self._count, self._places = len(rows), np.flatnonzero(rows >= 0)
        self._rows = rows[self._places]
        # Reuse the memory of an earlier sample. A second request at the same time gets new memory.
        space, store._space = store._space, None
        self._pieces = array.gather(store._array, self._rows, space)

    def result(self) -> Tensor:
        """The sample [N, *row_shape] float32. It can be called only once."""
        rows = self._empty(len(self._rows))
        start = 0
        for gathered, reading in self._pieces:  # a piece is converted while the next is read
            stop = start + len(gathered)
            self._store._read(self._rows[start:stop], reading, gathered)
            rows[start:stop] = torch.from_numpy(gathered).to(self._device, non_blocking=True)
            start = stop
        self._store._space, self._pieces = gathered.base, []
        if len(self._rows) == self._count:
            return rows
        sample = rows.new_zeros(self._count, *rows.shape[1:])
        return sample.index_copy_(0, torch.from_numpy(self._places).to(self._device, non_blocking=True), rows)

    def _empty(self, rows: int) -> Tensor:
        shape = (rows, *self._store.row_shape)
        if self._device.type == "cpu":  # memory of numpy, which uses huge pages
            return torch.from_numpy(np.empty(shape, np.float32))
        return torch.empty(shape, device=self._device)


def _opened(path: Path, threads: int) -> Any:
    try:
        return array.open_readonly(path, threads)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: zarr.json does not describe a readable array ({reason}); delete the store and "
                         "write it again") from None
