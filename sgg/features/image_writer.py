"""Write a store with one row per image (`image_store.py`), shard by shard, in any order and by any process.

A shard is one file, and it appears whole. So a killed writer loses at most its current shards, and shards need no locks
between processes or nodes. Until sealing, `<path>.writing` holds plan.json and the array. The store gets its name last,
so a store with its name is complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sgg.common.atomic import named_in_errors, write_json
from sgg.common.locking import held

from . import array
from .identity import StoreIdentity
from .image_metadata import KEY, VERSION
from .metadata import writing_directory
from .writer import HALF_MAX, discard_parts

SHARD_BYTES = 2**27
"""The bytes of a shard before compression. Its rows are held in memory while it is written."""
PLAN = "plan.json"


def rows_per_shard(row_shape: Sequence[int], dtype: str, views: int) -> int:
    """The number of rows in a shard: all views of each of its images."""
    row = np.dtype(dtype).itemsize * int(np.prod(row_shape))
    return max(1, min(array.SHARD_ROWS, SHARD_BYTES // row) // views) * views


@dataclass(frozen=True)
class ImageStoreWriter:
    """Writes the store at `path`, of `rows` rows of `row_shape`, in shards of `shard_rows` rows. It can be pickled and
    used by several processes at once.

    dtype: float16 or float32. threads: the number of threads that compress.

    Raises ValueError if there is an unfinished store of another plan.
    """

    path: Path
    identity: StoreIdentity
    rows: int
    row_shape: tuple[int, ...]
    shard_rows: int
    dtype: str = "float32"
    threads: int = 2

    def __post_init__(self) -> None:
        if self.path.exists():
            return
        folder = writing_directory(self.path)
        folder.mkdir(parents=True, exist_ok=True)
        plan = json.loads(json.dumps({"version": VERSION, "rows": self.rows, "row_shape": self.row_shape, "shard_rows":
                                      self.shard_rows, "dtype": self.dtype, **self.identity.to_json()}))
        if not (folder / PLAN).exists():
            write_json(folder / PLAN, plan)
        try:
            found = json.loads((folder / PLAN).read_text())
        except ValueError:
            found = None
        if found != plan:
            raise ValueError(f"{folder / PLAN}: of another plan, or damaged: an unfinished store is in the way; delete "
                             f"{folder} to start again")

    @property
    def directory(self) -> Path:
        """The array until it is sealed."""
        return writing_directory(self.path) / "array"

    @property
    def codec(self) -> str:
        """The codec of a row."""
        return codec_of(self.dtype)

    @property
    def num_shards(self) -> int:
        """The number of shards."""
        return -(-self.rows // self.shard_rows)

    def rows_of(self, shard: int) -> range:
        """The rows of a shard."""
        return range(shard * self.shard_rows, min(self.rows, (shard + 1) * self.shard_rows))

    def missing(self) -> list[int]:
        """The numbers of the missing shards, ascending; none if the store is sealed."""
        return [shard for shard in range(self.num_shards) if not self.has(shard)]

    def has(self, shard: int) -> bool:
        """Whether a shard is written. A sealed store has all of them."""
        return self.path.exists() or array.shard_of(self.directory, shard, self.row_shape).is_file()

    def write(self, shard: int, rows: np.ndarray) -> None:
        """Write the rows [n, *row_shape] float32 of a shard.

        Raises ValueError that names the shard if their shape is wrong, or a number is not finite or too large for the
        store's type; OSError that names the store if they cannot be written.
        """
        write_shard(self.directory, shard, self._checked(shard, rows), self.rows, self.shard_rows, self.threads)

    def seal(self) -> None:
        """Give the store its name. Only one process may call this. Raises ValueError if a shard is missing."""
        if missing := self.missing():
            raise ValueError(f"{self.path}: cannot be sealed, {len(missing)} of {self.num_shards} shards are missing, "
                             f"the first is shard {missing[0]}")
        set_identity(self.directory, self.identity, self.codec)
        self.directory.rename(self.path)
        discard_parts(self.path)

    def _checked(self, shard: int, rows: np.ndarray) -> np.ndarray:
        where = f"{self.path}, shard {shard}"
        expected = (len(self.rows_of(shard)), *self.row_shape)
        if rows.shape != expected:
            raise ValueError(f"{where}: rows must have shape {list(expected)}, got {list(rows.shape)}")
        largest = HALF_MAX if self.dtype == "float16" else float(np.finfo(np.float32).max)
        if len(rows) and not (rows.min() >= -largest and rows.max() <= largest):
            raise ValueError(f"{where}: numbers must be finite and within {self.dtype} (+-{largest:.3g}), got "
                             f"{rows.min()} .. {rows.max()}; with features.maps=exact they are float32")
        return rows.astype(self.dtype)


def write_shard(directory: Path, shard: int, rows: np.ndarray, total: int, shard_rows: int, threads: int) -> None:
    """Write the file of a shard atomically: `rows` [n, *row_shape] of an array of `total` rows at `directory`."""
    with named_in_errors(directory):
        opened = array.create(directory, (total, *rows.shape[1:]), shard_rows, codec_of(rows.dtype), threads,
                              str(rows.dtype))
        try:
            opened[shard * shard_rows:shard * shard_rows + len(rows)].write(rows).result()
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            raise OSError(f"{directory}: shard {shard} cannot be written: {reason}") from error


def set_identity(directory: Path, identity: StoreIdentity, codec: str) -> None:
    """Write the attributes of a complete array: the identity of the store, and the sizes of its shards."""
    rows, *row_shape = array.shape(directory)
    paths = [array.shard_of(directory, shard, row_shape) for shard in range(-(-rows // array.rows_of_shard(directory)))]
    array.set_attributes(directory, {KEY: VERSION, **identity.to_json(), "codec": codec,
                                     "shard_bytes": [path.stat().st_size for path in paths], "sealed": True})


def ensure_image_stores(writers: Sequence[ImageStoreWriter], write: Callable[[list[int]], None]) -> None:
    """Make the stores of `writers` that do not exist, all in one pass. All have equal shards.

    write: gets the numbers of the shards that any store lacks, and writes them into every store that lacks them. Any
    number of processes may call this at the same time: one writes, the others wait (`sgg.common.locking`).
    """
    with ExitStack() as locks:
        for writer in sorted(writers, key=lambda writer: writer.path):  # in one order, so that nobody waits in a circle
            if not writer.path.exists():
                writer.path.parent.mkdir(parents=True, exist_ok=True)
                locks.enter_context(held(lock_of(writer.path)))
        if shards := sorted({shard for writer in writers for shard in writer.missing()}):
            write(shards)
        for writer in writers:
            if not writer.path.exists():
                writer.seal()


def lock_of(path: Path) -> Path:
    """The file that whoever writes the store at `path` locks."""
    return path.with_name(path.name + ".lock")


def codec_of(dtype: np.dtype | str) -> str:
    """The codec of rows of a type."""
    return f"shuffled{np.dtype(dtype).itemsize}"
