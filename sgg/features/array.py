"""The array of a store: [rows, *row_shape] in Zarr version 3, with one row per chunk and many rows per shard.

A training step gathers single rows from the whole store. So a chunk is one row, and no byte is read in vain. Shards
keep the number of files small. Compression saves disk space: LZ4 costs a reader about a third of its time; Zstandard
halves the bytes and doubles the time.

Damaged data are never read as other numbers. Every chunk and the index of every shard end with their CRC-32C, and an
attribute of zarr.json holds that of zarr.json. The fill value is NaN, which no feature is, so a missing shard is
noticed, too.
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
SHUFFLED: dict[str, list[dict[str, Any]]] = {
    "shuffled2": [{"name": "blosc", "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "typesize": 2,
                                                      "blocksize": 0}}],
    "shuffled4": [{"name": "blosc", "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "typesize": 4,
                                                      "blocksize": 0}}],
}
"""Codecs for whole maps: the bytes of equal significance of all numbers (of 2 or 4 bytes) come beside one another, then
Zstandard. A map is mostly zeros, since ReLU made it."""
SHARD_BYTES = 2**25  # before compression
SHARD_ROWS = 1024
CACHE_BYTES = 2**26  # holds the shards' indices: 16 bytes a row
CHECKSUM = "crc32c"
"""The attribute with the CRC-32C of the rest of zarr.json."""
_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
_CRC32C = {"name": "crc32c"}


def row_bytes(row_shape: Sequence[int]) -> int:
    """The bytes of one row before compression."""
    return 2 * math.prod(row_shape)


def rows_per_shard(row_shape: Sequence[int]) -> int:
    """The number of rows in a shard of about SHARD_BYTES. It is limited, so that reading the index is fast."""
    return min(SHARD_ROWS, max(1, SHARD_BYTES // row_bytes(row_shape)))


def create(path: Path, shape: Sequence[int], shard_rows: int, codec: str, threads: int,
           dtype: str = "float16") -> ts.TensorStore:
    """Create a writable array of `shape` at `path`. An existing array is opened; it must have the same form. dtype:
    float16 or float32."""
    rows, *row_shape = shape
    sharding = {"chunk_shape": [1, *row_shape], "codecs": [_BYTES, *(CODECS | SHUFFLED)[codec], _CRC32C],
                "index_codecs": [_BYTES, _CRC32C]}
    metadata = {
        "shape": [rows, *row_shape],
        "data_type": dtype,
        "fill_value": "NaN",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [shard_rows, *row_shape]}},
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
    }
    spec = _spec(path) | {"metadata": metadata}
    return ts.open(spec, create=True, open=True, context=_context(threads, 0)).result()


def open_readonly(path: Path, threads: int) -> ts.TensorStore:
    """Open the array at `path`, which must not change afterwards. Its cache in memory is its own: an array that is
    opened later under the same path does not use it."""
    spec = _spec(path) | {"recheck_cached_data": False, "recheck_cached_metadata": False}
    return ts.open(spec, read=True, open=True, context=_context(threads, CACHE_BYTES)).result()


def shape(path: Path) -> tuple[int, ...]:
    """The shape of the array at `path`."""
    return tuple(_metadata(path)["shape"])


def rows_of_shard(path: Path) -> int:
    """The number of rows in a shard of the array at `path`."""
    rows: int = _metadata(path)["chunk_grid"]["configuration"]["chunk_shape"][0]
    return rows


def shard_of(path: Path, shard: int, row_shape: Sequence[int]) -> Path:
    """The file of a shard of the array at `path`."""
    return path.joinpath("c", str(shard), *["0"] * len(row_shape))


def shard_paths(path: Path, shards: int) -> list[Path]:
    """The files of the first `shards` shards of the array at `path`; the array must exist."""
    return [shard_of(path, shard, shape(path)[1:]) for shard in range(shards)]


def set_attributes(path: Path, attributes: dict[str, Any]) -> None:
    """Write attributes of the array at `path`, with the checksum of all its metadata."""
    metadata = _metadata(path) | {"attributes": attributes}
    attributes = attributes | {CHECKSUM: metadata_checksum(metadata)}
    write_json(path / "zarr.json", metadata | {"attributes": attributes})


def attributes(path: Path) -> dict[str, Any]:
    """The attributes that `set_attributes` wrote to the array at `path`. Raises ValueError if zarr.json has changed."""
    try:
        metadata = _metadata(path)
        sound = metadata["attributes"][CHECKSUM] == metadata_checksum(metadata)
    except (ValueError, LookupError, TypeError):
        sound = False
    if not sound:
        raise ValueError(f"{path / 'zarr.json'} does not have its checksum")
    return metadata["attributes"]


def metadata_checksum(metadata: dict[str, Any]) -> int:
    """The CRC-32C of the content of a zarr.json, without the checksum itself."""
    attributes = {name: value for name, value in metadata["attributes"].items() if name != CHECKSUM}
    said = json.dumps(metadata | {"attributes": attributes}, sort_keys=True)
    return google_crc32c.value(said.encode())


def is_missing(rows: np.ndarray) -> np.ndarray:
    """[n] whether each of the read rows [n, *row_shape] is missing in the store; a stored feature is finite."""
    first: tuple[Any, ...] = (slice(None), *[0] * (rows.ndim - 1))
    return np.isnan(rows[first])


PIECES = 4


def gather(rows: ts.TensorStore, index: np.ndarray,
           space: np.ndarray | None = None) -> list[tuple[np.ndarray, ts.WriteFutures]]:
    """Begin to read rows [n] of an array. Returns consecutive pieces: their place in memory, [k, *row_shape] of the
    array's type, and an object to wait for.

    space: [m, *row_shape], memory to read into if m >= n. New memory costs a fifth of the time, and more if
    tensorstore allocates it, since it does not request huge pages.
    """
    if space is None or len(space) < len(index):
        space = np.empty((len(index), *rows.shape[1:]), rows.dtype.numpy_dtype)
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
