"""The array under a store: [rows, *row_shape] float16 in Zarr version 3, one row a chunk, many rows a shard.

A training step gathers single rows from all over the store, so a chunk is one row: nothing is read in vain. Shards
keep the number of files small. Compression is there for the disk; LZ4 costs a reader about a third of its time, where
Zstandard halves the bytes and doubles the time.

Nothing that is damaged is read as other numbers. Every chunk and every shard's index end with their CRC-32C, zarr.json
has its own among its attributes, and the fill value is NaN: no feature is, so a shard that is gone is noticed too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import tensorstore as ts

from sgg.common.atomic import write_json

CODECS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "lz4": [{"name": "blosc", "configuration": {"cname": "lz4", "clevel": 1, "shuffle": "noshuffle", "typesize": 2,
                                                "blocksize": 0}}],
    "zstd": [{"name": "zstd", "configuration": {"level": 1}}],
}
SHARD_BYTES = 2**25  # before compression
SHARD_ROWS = 1024
CACHE_BYTES = 2**26  # holds the shards' indices: 16 bytes a row
CHECKSUM = "crc32c"
"""Attribute: CRC-32C of everything else that zarr.json says."""
_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
_CRC32C = {"name": "crc32c"}


def row_bytes(row_shape: Sequence[int]) -> int:
    """Bytes of one row before compression."""
    return 2 * math.prod(row_shape)


def rows_per_shard(row_shape: Sequence[int]) -> int:
    """Rows in a shard of about SHARD_BYTES; not so many that its index is long to read."""
    return min(SHARD_ROWS, max(1, SHARD_BYTES // row_bytes(row_shape)))


def create(path: Path, shape: Sequence[int], shard_rows: int, codec: str, threads: int) -> ts.TensorStore:
    """A writable array of `shape` at `path`; one that is already there is opened, and must have the same form."""
    rows, *row_shape = shape
    sharding = {"chunk_shape": [1, *row_shape], "codecs": [_BYTES, *CODECS[codec], _CRC32C],
                "index_codecs": [_BYTES, _CRC32C]}
    metadata = {
        "shape": [rows, *row_shape],
        "data_type": "float16",
        "fill_value": "NaN",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [shard_rows, *row_shape]}},
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
    }
    spec = _spec(path) | {"metadata": metadata}
    return ts.open(spec, create=True, open=True, context=_context(threads, 0)).result()


def open_readonly(path: Path, threads: int) -> ts.TensorStore:
    """The array at `path`, which is taken never to change. What it keeps in memory is its own: another array that is
    opened under the same path later has nothing of it."""
    spec = _spec(path) | {"recheck_cached_data": False, "recheck_cached_metadata": False}
    return ts.open(spec, read=True, open=True, context=_context(threads, CACHE_BYTES)).result()


def shape(path: Path) -> tuple[int, ...]:
    """The shape of the array at `path`."""
    return tuple(_metadata(path)["shape"])


def shard_of(path: Path, shard: int, row_shape: Sequence[int]) -> Path:
    """The file of a shard of the array at `path`."""
    return path.joinpath("c", str(shard), *["0"] * len(row_shape))


def shard_paths(path: Path, shards: int) -> list[Path]:
    """The files of the first `shards` shards of the array at `path`, which must be there."""
    return [shard_of(path, shard, shape(path)[1:]) for shard in range(shards)]


def set_attributes(path: Path, attributes: dict[str, Any]) -> None:
    """Give the array at `path` these attributes, and the checksum of all its metadata with them."""
    metadata = _metadata(path) | {"attributes": attributes}
    attributes = attributes | {CHECKSUM: metadata_checksum(metadata)}
    write_json(path / "zarr.json", metadata | {"attributes": attributes})


def attributes(path: Path) -> dict[str, Any]:
    """What `set_attributes` gave to the array at `path`. Raises ValueError where zarr.json has changed since."""
    try:
        metadata = _metadata(path)
        sound = metadata["attributes"][CHECKSUM] == metadata_checksum(metadata)
    except (ValueError, LookupError, TypeError):
        sound = False
    if not sound:
        raise ValueError(f"{path / 'zarr.json'} does not have its checksum")
    return metadata["attributes"]


def metadata_checksum(metadata: dict[str, Any]) -> int:
    """CRC-32C of what a zarr.json says, without the checksum itself."""
    attributes = {name: value for name, value in metadata["attributes"].items() if name != CHECKSUM}
    said = json.dumps(metadata | {"attributes": attributes}, sort_keys=True)
    return google_crc32c.value(said.encode())


def is_missing(rows: np.ndarray) -> np.ndarray:
    """[n] which of rows [n, *row_shape], as they were read, are not in the store; a stored feature is finite."""
    first: tuple[Any, ...] = (slice(None), *[0] * (rows.ndim - 1))
    return np.isnan(rows[first])


PIECES = 4


def gather(rows: ts.TensorStore, index: np.ndarray,
           space: np.ndarray | None = None) -> list[tuple[np.ndarray, ts.WriteFutures]]:
    """Rows [n] of an array, in consecutive pieces: where they will be, [k, *row_shape] float16, and what to wait for.

    space: [m, *row_shape] float16 to put them into, where m >= n. Memory that is new costs a fifth of the time, and
    more where it is tensorstore's, which asks the system for no huge pages.
    """
    if space is None or len(space) < len(index):
        space = np.empty((len(index), *rows.shape[1:]), np.float16)
    cuts = np.linspace(0, len(index), PIECES + 1).astype(int)
    return [(space[low:high], ts.array(space[low:high]).write(rows.oindex[index[low:high]]))
            for low, high in pairwise(cuts)]


def _metadata(path: Path) -> dict[str, Any]:
    return json.loads((path / "zarr.json").read_text())


def _spec(path: Path) -> dict[str, Any]:
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path.resolve())}}


def _context(threads: int, cache_bytes: int) -> ts.Context:
    limit = {"limit": threads}
    return ts.Context({"data_copy_concurrency": limit, "file_io_concurrency": limit,
                       "cache_pool": {"total_bytes_limit": cache_bytes}})
