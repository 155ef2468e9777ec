"""Reading a store: rows grouped by class, drawn at random per label in one gather.

What is read is right or refused. Rows, indices and metadata have checksums (`array.py`). A store that was deleted or
written anew since it was opened is no longer read: the stamp of its zarr.json is looked at after every reading. Stores
of the first edition have no checksums of rows and metadata. They are read as they are, and the log says so.
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

TOLD = 5
"""Damaged rows that a message names."""


class FeatureStore:
    """Stored features of detector RoIs, read-only; any number of processes on any node may read one store.

    identity: what the rows were made from. counts: [C] int64 rows of each class. row_shape: for example (512, 7, 7).
    empty_classes: classes without a row, background apart. verified: whether rows have checksums; those of the first
    edition have not.

    Made by `FeatureStore.open`. Can be pickled. It reads with threads of its own, so a process that has opened one
    must not fork and read on in the child (spawned processes and Ray's workers are fine).
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
        """The sealed store at `path`; threads: how many of them read and decompress.

        Raises FileNotFoundError where there is none or an unfinished one; StoreMismatchError (a ValueError) when it
        is not `expected`; ValueError when it is no feature store, of another version, its zarr.json is damaged, or a
        shard is missing or cut.
        """
        path = Path(path)
        stamp = stamp_of(path)  # before anything is read, so that what is read is not older
        attributes = attributes_of(path)
        if expected is not None:
            expected.require(identity_of(path, attributes), path)
        require_shards(path, attributes["shard_bytes"])
        store = cls(path, attributes, threads, stamp)
        if not store.verified:
            log.warning("%s: a store of the first edition, without checksums: what is read from it is not verified; "
                        "delete it to have it written anew with them", path)
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
        """[N] int64 a row of each label's class, uniformly at random, -1 where the class has none. labels: [N].

        Raises ValueError when a label is not a class.
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
        """Draw as `sample` does, now, and read beside what the caller does until it asks for the result on `device`."""
        rows = self.draw(labels, generator)
        if not self._warned and (rows < 0).any():
            self._warned = True
            names = [self.identity.classes[label] for label in np.unique(to_numpy(labels)[rows < 0])]
            warnings.warn(f"{self.path}: no feature of {', '.join(names)}: zeros take its place", stacklevel=2)
        return PendingSample(self, rows, device)

    def sample(self, labels: Array, generator: torch.Generator | None = None) -> Tensor:
        """[N, *row_shape] float32: for each of labels [N] one stored feature of that class, uniformly at random.

        Zeros for a class without a row (with one warning a store): a rectified feature of nothing seen. So a class
        that the store's data lack does not stop a training run; `empty_classes` tells of them beforehand.

        Raises ValueError when a label is not a class; when the store is damaged, naming rows and shards; when it was
        deleted or written anew since it was opened.
        """
        return self.request(labels, generator).result()

    def _read(self, index: np.ndarray, reading: Any, into: np.ndarray | None = None) -> np.ndarray:
        """What `reading` brings for the rows `index`, where the caller has not said that it is put `into` something."""
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
        """[n] which of `rows` [n, *row_shape], read as the rows `index` [n], are not in the store."""
        if self.verified:
            return array.is_missing(rows)
        # In the first edition what is gone reads as zeros, as does a feature of zeros: the files tell them apart.
        zeros = ~rows.any(axis=tuple(range(1, rows.ndim)))
        shards = index // self._shard_rows
        gone = [shard for shard in np.unique(shards[zeros]).tolist() if self._shard_bytes[shard]
                and not array.shard_of(self.path, shard, self.row_shape).exists()]
        return zeros & np.isin(shards, gone)

    def _damaged(self, rows: np.ndarray) -> list[int]:
        """Those of rows [n] that cannot be read, ascending, each once."""
        def is_damaged(row: int) -> bool:
            try:
                return bool(self._missing(np.array([row]), self._array.oindex[[row]].read().result()).any())
            except (ValueError, OSError):
                return True

        return [row for row in np.unique(rows).tolist() if is_damaged(row)]

    def _require_unchanged(self) -> None:
        if stamp_of(self.path) != self._stamp:
            raise ValueError(f"{self.path}: was deleted or written anew since this process opened it, so that rows and "
                             "classes need no longer be those it knows: start again")

    def _damage(self, rows: list[int], reason: str = "") -> str:
        """What to say of rows that cannot be read."""
        step = self._shard_rows
        first = rows[:TOLD]
        told = [f"row {row} of class {self.identity.classes[label]} (chunk {row % step} of "
                f"{array.shard_of(Path(), row // step, self.row_shape)})"
                for row, label in zip(first, self.labels_of(np.array(first, np.int64)).tolist(), strict=True)]
        more = [f"{len(rows) - TOLD:,} more"] if len(rows) > TOLD else []
        reason = " ".join(reason.split())[:200]
        return (f"{self.path}: cannot be read, its files are damaged: {', '.join(told + more) or 'some rows'}"
                f"{f' ({reason})' if reason else ''}; delete the store, and the next run, or `python -m sgg.features "
                "extract`, writes it anew")


class PendingSample:
    """A sample that is being read: rows [N] of a store, -1 for zeros."""

    def __init__(self, store: FeatureStore, rows: np.ndarray, device: torch.device | str):
        self._store, self._device = store, torch.device(device)
        self._rows, self._known = rows[rows >= 0], torch.from_numpy(rows >= 0)
        space, store._space = store._space, None  # of an earlier sample; who asks twice at once gets new memory
        self._pieces = array.gather(store._array, self._rows, space)

    def result(self) -> Tensor:
        """[N, *row_shape] float32; may be asked for once."""
        rows = self._empty(len(self._rows))
        start = 0
        for gathered, reading in self._pieces:  # one is converted while the next is read
            stop = start + len(gathered)
            self._store._read(self._rows[start:stop], reading, gathered)
            rows[start:stop] = torch.from_numpy(gathered).to(self._device)
            start = stop
        self._store._space, self._pieces = gathered.base, []
        if self._known.all():
            return rows
        sample = rows.new_zeros(len(self._known), *rows.shape[1:])
        sample[self._known.to(self._device)] = rows
        return sample

    def _empty(self, rows: int) -> Tensor:
        shape = (rows, *self._store.row_shape)
        if self._device.type == "cpu":  # memory of numpy's, for its huge pages
            return torch.from_numpy(np.empty(shape, np.float32))
        return torch.empty(shape, device=self._device)


def _opened(path: Path, threads: int) -> Any:
    try:
        return array.open_readonly(path, threads)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: zarr.json describes no array that can be read ({reason}); delete the store and "
                         "write it anew") from None
