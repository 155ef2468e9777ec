"""Read annotation files. Every fault of a file has a clear error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sgg.common.atomic import nearest_existing, require_writable
from sgg.common.hdf5 import fault_of
from sgg.data.records import Record, short

_DENSEST = 1100  # the largest number of bytes that one byte of a file can hold: deflate reaches 1032


def require_file(path: Path, remedy: str) -> Path:
    """Return `path`. Raises FileNotFoundError that names it and the remedy if it is no file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {remedy}")
    return path


def require_folder(path: Path) -> Path:
    """Return `path`, a folder to write into, which may not exist yet.

    Raises FileExistsError that names a file in its place or in its way, and OSError if it cannot be written.
    """
    nearest = nearest_existing(path)
    if not nearest.is_dir():
        raise FileExistsError(f"{nearest} is no folder: name another folder")
    require_writable(path)
    return path


def require_new(folder: Path, files: Iterable[str]) -> Path:
    """Return `folder`. Raises FileExistsError that names one of the `files` that it has already, and what
    `require_folder` raises."""
    require_folder(folder)
    for path in (folder / file for file in files):
        if path.exists():
            raise FileExistsError(f"{path} exists already: move it away, or name another folder")
    return folder


def require_json(path: Path, kind: type | tuple[type, ...], remedy: str = "", *, unique_keys: bool = False,
                 object_hook: Callable[[Record], Any] | None = None) -> Any:
    """The content of a JSON file whose outermost value is a `kind` (dict, list, or either).

    unique_keys: refuse an object with a key twice; a JSON reader silently keeps the last value. object_hook: a function
    that replaces each JSON object, see `json.loads`.

    Raises FileNotFoundError, or ValueError that names the file.
    """
    require_file(path, remedy)
    try:
        content = json.loads(path.read_bytes(), object_hook=object_hook,
                             object_pairs_hook=_unique if unique_keys else None)
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ValueError(f"{path} is not JSON, or is cut off: {error}") from None
    if not isinstance(content, kind):
        kinds = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise ValueError(f"{path} must hold a {kinds}, but holds a {type(content).__name__}")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice in one object")
    return content


def integer_field(path: Path, records: list[Any], field: str, low: int = 0) -> np.ndarray:
    """[n] int64: the whole number under `field` in each of the n JSON objects `records`.

    Raises ValueError that names the file and the first record in which it is missing, no whole number or below `low`.
    """
    try:
        values = [record[field] for record in records]
        if set(map(type, values)) <= {int}:
            array = np.array(values, dtype=np.int64)
            if (array >= low).all():
                return array
    except (KeyError, TypeError, OverflowError):
        pass
    for index, record in enumerate(records):
        value = record.get(field) if isinstance(record, dict) else None
        if type(value) is not int or not low <= value < 2**63:
            raise ValueError(f"{path}: record {index} must have a whole number >= {low} under {field!r}, "
                             f"got {short(record)}")
    raise AssertionError("unreachable: some record was refused above")


@contextmanager
def open_h5(path: Path, remedy: str = "") -> Iterator[h5py.File]:
    """Open an HDF5 file for reading. Raises FileNotFoundError, or ValueError that names a damaged file."""
    require_file(path, remedy)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, UnicodeError) as error:  # h5py raises these for damaged files
        raise ValueError(f"{path} {fault_of(error)}") from None


def read_h5(file: h5py.Group, name: str, *shape: int, kind: str = "iu") -> np.ndarray:
    """Read the dataset `name`. shape: its expected shape; -1 accepts any length. kind: the accepted kinds of numpy.

    Raises ValueError that names file and dataset.
    """
    path, dataset = Path(file.file.filename), h5_dataset(file, name)
    expected = ", ".join("*" if length == -1 else str(length) for length in shape)
    if dataset.ndim != len(shape) or any(want not in (-1, got) for want, got in zip(shape, dataset.shape, strict=True)):
        raise ValueError(f"{path}: {name!r} must have shape [{expected}], but has {list(dataset.shape)}")
    try:
        dtype = dataset.dtype
    except TypeError as error:
        raise ValueError(f"{path}: {name!r} cannot be read: {error}") from None
    if dtype.kind not in kind:
        raise ValueError(f"{path}: {name!r} must hold numbers of kind {kind!r}, but holds {dtype}")
    if dataset.nbytes > _DENSEST * path.stat().st_size:
        raise ValueError(f"{path}: {name!r} has {dataset.nbytes:,} bytes by its header, more than the file can hold")
    return dataset[()]


def h5_dataset(file: h5py.Group, name: str) -> h5py.Dataset:
    """The dataset `name`, without reading its values. Raises ValueError that names file and dataset."""
    path = file.file.filename
    try:
        dataset = file[name]
    except KeyError:
        present = ", ".join(sorted(map(str, file))) or "none"
        raise ValueError(f"{path} has no dataset {name!r}; it has: {present}") from None
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise ValueError(f"{path}: {name!r} is not a dataset")
    return dataset
