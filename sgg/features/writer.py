"""Writing a store: numbered parts in image order, in any order and by any process, then one merge grouped by class.

This is an external merge sort. A part holds the rows of one range of images, sorted by class in memory, and is written
at once under its final name, so a writer that is killed loses at most the parts it had in hand, and parts need no lock
among processes or nodes. Sealing merges the parts shard by shard; every shard is written once, whole, and a merge that
is killed goes on at the first shard missing. The store gets its name last, so what has the name is complete.

On disk, until sealed, under `<path>.writing`: plan.json, parts/<number>/{features,counts}.npy and the array `merged`.
The parts take as much disk again as the store without compression.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorstore as ts

from sgg.structures import Array, to_numpy

from . import array
from .identity import StoreIdentity

VERSION = 1
PART_BYTES = 2**28  # before compression; a part is held in memory, about twice while it is sorted


def rows_per_part(row_shape: tuple[int, ...]) -> int:
    """Rows in a part of about PART_BYTES."""
    return max(1, PART_BYTES // array.row_bytes(row_shape))


def writing_directory(path: Path) -> Path:
    """Where the store at `path` is while it is being written."""
    return path.with_name(path.name + ".writing")


def discard_parts(path: Path) -> None:
    """Remove what writing the store at `path` has left, if anything; for a store that is sealed."""
    shutil.rmtree(writing_directory(path), ignore_errors=True)


@dataclass(frozen=True)
class StoreWriter:
    """Writes the store at `path` in `num_parts` parts. Can be pickled and used by several processes at once.

    codec: lz4, zstd or none. threads: how many of them compress while merging.

    Raises ValueError for an unknown codec, or when an unfinished store of another plan is in the way.
    """

    path: Path
    identity: StoreIdentity
    num_parts: int
    codec: str = "lz4"
    threads: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.codec not in array.CODECS:
            raise ValueError(f"codec must be one of {', '.join(array.CODECS)}, got {self.codec!r}")
        if self.num_parts < 1:
            raise ValueError(f"num_parts must be >= 1, got {self.num_parts}")
        self._directory.joinpath("parts").mkdir(parents=True, exist_ok=True)
        self._settle_plan()

    def missing(self) -> list[int]:
        """The parts still to be written, ascending."""
        return [number for number in range(self.num_parts) if not self._part(number).is_dir()]

    def write_part(self, number: int, features: Array, labels: Array) -> None:
        """Write part `number`: features [n, *row_shape] of any float type, labels [n] integers in [0, C).

        Within a class, rows of the store are in the order of the parts, then of the rows in a part. A part that is
        already there is left alone.

        Raises ValueError, naming the part, when shapes do not fit, a label is not a class, or a feature does not fit
        into float16.
        """
        half, labels = self._checked(number, features, labels)
        if self._part(number).is_dir():
            return
        counts = np.bincount(labels, minlength=len(self.identity.classes))
        temporary = self._directory / f"{number}-{uuid.uuid4().hex}"
        temporary.mkdir()
        np.save(temporary / "features.npy", half[np.argsort(labels, kind="stable")])
        np.save(temporary / "counts.npy", counts)
        try:
            temporary.rename(self._part(number))
        except OSError:
            if not self._part(number).is_dir():
                raise
            shutil.rmtree(temporary)  # another process was faster

    def seal(self) -> None:
        """Merge the parts into the store, give it its name and remove the parts. For one process at a time.

        Raises ValueError when a part is missing, parts differ in the shape of a row, or no part has a row.
        """
        if missing := self.missing():
            raise ValueError(f"{self.path}: cannot be sealed, {len(missing)} of {self.num_parts} parts are missing, "
                             f"the first is part {missing[0]}")
        parts = [np.load(self._part(number) / "features.npy", mmap_mode="r") for number in range(self.num_parts)]
        counts = np.stack([np.load(self._part(number) / "counts.npy") for number in range(self.num_parts)])
        shapes = {part.shape[1:] for part in parts if len(part)}
        if len(shapes) != 1:
            raise ValueError(f"{self.path}: cannot be sealed, rows have shapes {sorted(shapes)}, not one shape")
        merged = self._directory / "merged"
        self._merge(merged, parts, counts)
        self._describe(merged, counts.sum(axis=0), shapes.pop())
        merged.rename(self.path)
        discard_parts(self.path)

    @property
    def _directory(self) -> Path:
        return writing_directory(self.path)

    def _part(self, number: int) -> Path:
        return self._directory / "parts" / f"{number:06d}"

    def _settle_plan(self) -> None:
        """Leave the plan beside the parts, or check that theirs is the same."""
        plan = {"version": VERSION, "num_parts": self.num_parts, "codec": self.codec, **self.identity.to_json()}
        path = self._directory / "plan.json"
        if not path.exists():
            _write_json(path, plan)
        found = json.loads(path.read_text())
        remedy = f"an unfinished store is in the way; delete {self._directory} to start anew"
        if found["version"] != VERSION:
            raise ValueError(f"{path}: has version {found['version']}, this code writes {VERSION}: {remedy}")
        self.identity.require(StoreIdentity.from_json(found), path)
        for name in ("num_parts", "codec"):
            if found[name] != plan[name]:
                raise ValueError(f"{path}: {name} is {found[name]}, not {plan[name]}: {remedy}")

    def _checked(self, number: int, features: Array, labels: Array) -> tuple[np.ndarray, np.ndarray]:
        features, labels = to_numpy(features), to_numpy(labels)
        where, classes = f"{self.path}, part {number}", len(self.identity.classes)
        if not 0 <= number < self.num_parts:
            raise ValueError(f"{where}: there are {self.num_parts} parts, from 0")
        if features.ndim < 2 or labels.shape != features.shape[:1]:
            raise ValueError(f"{where}: features must be [n, ...] and labels [n], "
                             f"got {list(features.shape)} and {list(labels.shape)}")
        if len(labels) and (labels.min() < 0 or labels.max() >= classes):
            raise ValueError(f"{where}: labels must be in [0, {classes}), got {labels.min()} .. {labels.max()}")
        with np.errstate(over="ignore"):
            half = features.astype(np.float16, copy=False)
        if not np.isfinite(half).all():
            raise ValueError(f"{where}: features must be finite and within float16 (+-65504)")
        return half, labels

    def _merge(self, merged: Path, parts: list[np.ndarray], counts: np.ndarray) -> None:
        """Copy the parts' rows to their places, one shard after another; counts: [parts, C]."""
        row_shape, rows = parts[0].shape[1:], int(counts.sum())
        target = array.create(merged, rows, row_shape, self.codec, self.threads)
        step = array.rows_per_shard(rows, row_shape)
        part_of_run, first_of_run, start_of_run = _runs(counts)
        writes: list[ts.WriteFutures] = []
        for shard, start in enumerate(range(0, rows, step)):
            if array.shard_path(merged, shard, row_shape).exists():
                continue
            stop = min(start + step, rows)
            block = np.empty((stop - start, *row_shape), np.float16)
            first, last = np.searchsorted(start_of_run, [start, stop - 1], side="right") - 1
            for run in range(first, last + 1):
                begin, end = max(start, start_of_run[run]), min(stop, start_of_run[run + 1])
                source = first_of_run[run] + begin - start_of_run[run]
                block[begin - start:end - start] = parts[part_of_run[run]][source:source + end - begin]
            writes.append(target[start:stop].write(block))
            if len(writes) >= self.threads:
                writes.pop(0).result()
        for write in writes:
            write.result()

    def _describe(self, merged: Path, counts: np.ndarray, row_shape: tuple[int, ...]) -> None:
        """Write the store's attributes, with what `FeatureStore.open` needs to tell a store that is cut off."""
        rows = int(counts.sum())
        shards = -(-rows // array.rows_per_shard(rows, row_shape))
        sizes = [array.shard_path(merged, shard, row_shape).stat().st_size for shard in range(shards)]
        metadata = json.loads((merged / "zarr.json").read_text())
        metadata["attributes"] = {"feature_store": VERSION, **self.identity.to_json(), "codec": self.codec,
                                  "counts": counts.tolist(), "shard_bytes": sizes, "sealed": True}
        _write_json(merged / "zarr.json", metadata)


def _runs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The runs of rows of one class in one part, in the store's order; counts: [parts, C].

    Returns the part of each run [K], its first row there [K], and its first row in the store [K + 1] (the last: all).
    """
    first = np.cumsum(counts, axis=1) - counts
    classes, parts = np.nonzero(counts.T)
    lengths = counts[parts, classes]
    return parts, first[parts, classes], np.concatenate([[0], np.cumsum(lengths)])


def _write_json(path: Path, values: dict) -> None:
    temporary = path.with_name(f"{path.name}-{uuid.uuid4().hex}")
    temporary.write_text(json.dumps(values, indent=1))
    os.replace(temporary, path)
