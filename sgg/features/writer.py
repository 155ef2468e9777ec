"""Write a store: first numbered parts, in any order and by any process, then one merge that groups rows by class.

This is an external merge sort. A part holds the rows of one range of images, sorted by class in memory. It is a small
array of the same form as the store, and it appears whole. So a killed writer loses at most its current parts, and parts
need no locks between processes or nodes. Sealing copies the encoded rows of the parts into the shards of the store.
Every shard appears whole, and a merge after a kill continues with the first missing shard. The store gets its name
last, so a store with its name is complete.

Until sealing, `<path>.writing` holds plan.json, the arrays parts/<number>, each with the attribute `counts`, and the
array `merged`. At the end of the merge this needs twice the size of the store.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sgg.common.atomic import write_json
from sgg.structures import Array, to_numpy

from . import array
from .identity import StoreIdentity
from .metadata import VERSION, writing_directory
from .shards import EncodedRows, write_shard

HALF_MAX = torch.finfo(torch.half).max
PART_BYTES = 2**28  # before compression; a part is held in memory, about three times while it is put together


def rows_per_part(row_shape: tuple[int, ...]) -> int:
    """The number of rows in a part of about PART_BYTES."""
    return max(1, PART_BYTES // array.row_bytes(row_shape))


def discard_parts(path: Path) -> None:
    """Remove the files that writing the sealed store at `path` has left, if there are any."""
    shutil.rmtree(writing_directory(path), ignore_errors=True)


@dataclass(frozen=True)
class StoreWriter:
    """Writes the store at `path` in `num_parts` parts. It can be pickled and used by several processes at once.

    codec: lz4, zstd or none. threads: the number of threads that compress a part.

    Raises ValueError for an unknown codec, or if there is an unfinished store with another plan or a damaged one.
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
        """The numbers of the missing parts, ascending."""
        return [number for number in range(self.num_parts) if not self._part(number).is_dir()]

    def write_part(self, number: int, features: Array, labels: Array) -> None:
        """Write part `number`: features [n, *row_shape] of any float type, labels [n] integers in [0, C).

        Within a class, the rows of the store have the order of the parts, then of the rows in a part. An existing part
        stays as it is.

        Raises ValueError that names the part if shapes do not fit, a label is not a class, or a feature does not fit
        into float16.
        """
        half, labels = self._checked(number, features, labels)
        if self._part(number).is_dir():
            return
        temporary = self._directory / f"{number}-{uuid.uuid4().hex}"
        rows = half[torch.from_numpy(np.argsort(labels, kind="stable"))].numpy()
        part = array.create(temporary, rows.shape, max(1, len(rows)), self.codec, self.threads)
        if len(rows):
            part.write(rows).result()
        array.set_attributes(temporary, {"counts": np.bincount(labels, minlength=len(self.identity.classes)).tolist()})
        try:
            temporary.rename(self._part(number))
        except OSError:
            if not self._part(number).is_dir():
                raise
            shutil.rmtree(temporary)  # another process was faster

    def seal(self) -> None:
        """Merge the parts into the store, give it its name and remove the parts. Only one process may call this.

        Raises ValueError if a part is missing or damaged, parts differ in the shape of a row, or no part has a row.
        """
        if missing := self.missing():
            raise ValueError(f"{self.path}: cannot be sealed, {len(missing)} of {self.num_parts} parts are missing, "
                             f"the first is part {missing[0]}")
        parts = [self._part(number) for number in range(self.num_parts)]
        merged = self._directory / "merged"
        with self._naming_damage():
            counts = np.stack([array.attributes(part)["counts"] for part in parts])
            filled = [part for part, rows in zip(parts, counts.sum(1), strict=True) if rows]
            shapes = {array.shape(part)[1:] for part in filled}
        if len(shapes) != 1:
            raise ValueError(f"{self.path}: cannot be sealed, rows have shapes {sorted(shapes)}, not one shape")
        with self._naming_damage():
            self._merge(merged, filled, counts[counts.sum(1) > 0], shapes.pop())
        merged.rename(self.path)
        discard_parts(self.path)

    @property
    def _directory(self) -> Path:
        return writing_directory(self.path)

    def _part(self, number: int) -> Path:
        return self._directory / "parts" / f"{number:06d}"

    def _settle_plan(self) -> None:
        """Write the plan beside the parts, or check that the existing plan is the same."""
        plan = {"version": VERSION, "num_parts": self.num_parts, "codec": self.codec, **self.identity.to_json()}
        path = self._directory / "plan.json"
        if not path.exists():
            write_json(path, plan)
        try:
            found = json.loads(path.read_text())
            version, identity = found["version"], StoreIdentity.from_json(found)
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}): {self._remedy}") from None
        if version != VERSION:
            raise ValueError(f"{path}: has version {version}, this code writes {VERSION}: {self._remedy}")
        self.identity.require(identity, path)
        for name in ("num_parts", "codec"):
            if found.get(name) != plan[name]:
                raise ValueError(f"{path}: {name} is {found.get(name)}, not {plan[name]}: {self._remedy}")

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, LookupError, FileNotFoundError) as error:
            raise ValueError(f"{self.path}: cannot be sealed, a part is damaged ({error}): {self._remedy}") from error

    @property
    def _remedy(self) -> str:
        return f"an unfinished store is in the way; delete {self._directory} to start again"

    def _checked(self, number: int, features: Array, labels: Array) -> tuple[Tensor, np.ndarray]:
        features, labels = torch.as_tensor(features), to_numpy(labels)
        where, classes = f"{self.path}, part {number}", len(self.identity.classes)
        if not 0 <= number < self.num_parts:
            raise ValueError(f"{where}: there are {self.num_parts} parts, from 0")
        if features.ndim < 2 or labels.shape != (len(features),):
            raise ValueError(f"{where}: features must be [n, ...] and labels [n], "
                             f"got {list(features.shape)} and {list(labels.shape)}")
        if len(labels) and (labels.min() < 0 or labels.max() >= classes):
            raise ValueError(f"{where}: labels must be in [0, {classes}), got {labels.min()} .. {labels.max()}")
        if len(features):
            lowest, highest = features.aminmax()  # NaN where any is
            if not (lowest >= -HALF_MAX and highest <= HALF_MAX):
                raise ValueError(f"{where}: features must be finite and within float16 (+-{HALF_MAX:.0f}), "
                                 f"got {lowest} .. {highest}")
        return features.half().cpu(), labels  # torch casts ten times as fast as numpy

    def _merge(self, merged: Path, parts: list[Path], counts: np.ndarray, row_shape: tuple[int, ...]) -> None:
        """Write the store's array from the arrays of the parts. counts: [parts, C] rows of each class in each part."""
        split_of, row_of = _origins(counts)
        rows, step = len(split_of), array.rows_per_shard(row_shape)
        array.create(merged, (rows, *row_shape), step, self.codec, self.threads)
        encoded = [EncodedRows(array.shard_paths(part, 1)[0], count)
                   for part, count in zip(parts, counts.sum(1).tolist(), strict=True)]
        paths = array.shard_paths(merged, -(-rows // step))
        for shard, path in enumerate(paths):
            if not path.exists():
                chosen = slice(shard * step, (shard + 1) * step)
                pieces = [encoded[part][row] for part, row in zip(split_of[chosen], row_of[chosen], strict=True)]
                # Also at the end all rows of a shard have an entry.
                write_shard(path, pieces + [np.empty(0, np.uint8)] * (step - len(pieces)))
        array.set_attributes(merged, {
            "feature_store": VERSION, **self.identity.to_json(), "codec": self.codec,
            "counts": counts.sum(0).tolist(), "shard_bytes": [path.stat().st_size for path in paths], "sealed": True})


def _origins(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of each row of the store, and the number of the row in the part: [rows] each. counts: [parts, C]."""
    classes, parts = np.nonzero(counts.T)
    lengths = counts[parts, classes]
    first = (np.cumsum(counts, axis=1) - counts)[parts, classes]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(parts, lengths), np.repeat(first, lengths) + within
