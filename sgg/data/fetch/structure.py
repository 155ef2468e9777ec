"""Check by its form whether a file is whole, for files without a known checksum."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py

from sgg.common.hdf5 import fault_of


def _parse_json(path: Path) -> None:
    json.loads(path.read_bytes())


def _open_zip(path: Path) -> None:
    with zipfile.ZipFile(path):  # reads the directory at the end of the file
        pass


def _open_h5(path: Path) -> None:
    with h5py.File(path, "r"):  # compares the file with its stated length
        pass


READERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    ".json": ("JSON", _parse_json), ".zip": ("a zip archive", _open_zip), ".h5": ("an HDF5 file", _open_h5)}


def structural_fault(path: Path, name: str) -> str:
    """Why the file at `path` has not the form that the ending of `name` says; "" if it has, or if the ending is
    unknown.
    """
    if Path(name).suffix not in READERS:
        return ""
    form, reader = READERS[Path(name).suffix]
    try:
        reader(path)
    except OSError as error:
        return fault_of(error) if reader is _open_h5 else f"is not {form}, or is cut off or damaged: {error}"
    except (ValueError, RecursionError, RuntimeError, KeyError, zipfile.BadZipFile) as error:
        return f"is not {form}, or is cut off or damaged: {error}"
    return ""
