"""Repair a sealed store with one row per image: only the rows that cannot be read are computed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sgg.common.locking import held

from . import array
from .image_metadata import image_attributes
from .image_store import ImageStore
from .image_writer import ImageStoreWriter, lock_of
from .metadata import identity_of, stamp_of
from .writer import discard_parts

Compute = Callable[[Sequence[int]], np.ndarray]
"""Computes rows: gets their numbers, and returns [n, *row_shape] float32."""


def repair(writer: ImageStoreWriter, compute: Compute,
           progress: Callable[[Sequence[Any]], Iterable[Any]] = iter) -> list[int]:
    """Compute the damaged rows of the sealed store of `writer` again. Returns their numbers, ascending.

    A row is damaged if it does not have its checksum. All rows of a shard are if its file is missing or has another
    size than when the store was sealed. The file of a shard is replaced as a whole; its other rows keep their bytes.
    A process that has opened the store before refuses to read on. `progress` gets the numbers of all shards.

    Raises FileNotFoundError if there is no store; StoreMismatchError if it is not the writer's; ValueError if it has
    another version or its zarr.json is damaged, since nothing then says what its rows should be; and what `compute`
    raises.
    """
    with held(lock_of(writer.path)):
        store = _opened(writer)
        damaged = {shard: rows for shard in progress(range(store.num_shards)) if (rows := _damaged(store, shard))}
        for shard, rows in damaged.items():
            _write_again(writer, shard, rows, compute)
        if damaged:
            discard_parts(writer.path)
    return [row for rows in damaged.values() for row in rows]


def _opened(writer: ImageStoreWriter) -> ImageStore:
    """The store, whatever its shards are."""
    stamp = stamp_of(writer.path)
    attributes, rows = image_attributes(writer.path)
    writer.identity.require(identity_of(writer.path, attributes), writer.path)
    return ImageStore(writer.path, attributes, rows, writer.threads, stamp)


def _damaged(store: ImageStore, shard: int) -> list[int]:
    """The damaged rows of a shard."""
    rows = store.rows_of(shard)
    file = array.shard_of(store.path, shard, store.row_shape)
    if not file.is_file() or file.stat().st_size != store.shard_bytes[shard]:
        return list(rows)
    try:
        store[rows]
    except ValueError:
        return store.damaged(rows)
    return []


def _write_again(writer: ImageStoreWriter, shard: int, damaged: list[int], compute: Compute) -> None:
    """Replace the file of a shard, and record its size."""
    store = _opened(writer)
    writer = replace(writer, shard_rows=store.shard_rows)
    numbers = store.rows_of(shard)
    rows = np.empty((len(numbers), *store.row_shape), np.float32)
    sound = sorted({*numbers} - {*damaged})
    rows[np.array(sound, np.int64) - numbers.start] = store[sound]
    rows[np.array(damaged) - numbers.start] = compute(damaged)
    writer.write(shard, rows)  # beside the store
    written, file = (array.shard_of(path, shard, store.row_shape) for path in (writer.directory, writer.path))
    size = written.stat().st_size
    file.parent.mkdir(parents=True, exist_ok=True)
    os.replace(written, file)
    attributes = array.attributes(writer.path)
    sizes = [size if number == shard else known for number, known in enumerate(attributes["shard_bytes"])]
    array.set_attributes(writer.path, {name: value for name, value in attributes.items() if name != array.CHECKSUM}
                         | {"shard_bytes": sizes})
