"""Files that are whole or not there: written under a passing name, then renamed."""

from __future__ import annotations

import json
import math
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def nearest_existing(path: Path) -> Path:
    """The path itself where it is there, else the nearest folder above it that is."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def require_writable(path: Path) -> None:
    """Raise OSError, naming `path` and the system's reason, where no file can be made beside it, in the nearest folder
    above it that is there. It is tried: what `os.access` says of a folder is not always so, to an administrator or on a
    network's disk."""
    folder = path if path.is_dir() else nearest_existing(path.parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror} (a new file in {folder}); name a place on a disk "
                      "that can be written") from None


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Within the block, where to write what is to become the file `path`, which is as before until the block is over.

    Raises OSError naming `path` where the system refuses; then, as after any other fault, nothing is left behind.
    """
    passing = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with named_in_errors(path, str(passing)):
            yield passing
        os.replace(passing, path)
    finally:
        passing.unlink(missing_ok=True)


@contextmanager
def named_in_errors(path: Path, passing: str | None = None) -> Iterator[None]:
    """Within the block errors of the system name the file where they name none (a full disk), or its passing name."""
    try:
        yield
    except OSError as error:
        if error.filename in (None, passing):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_json(path: Path, value: Any, indent: int | None = 1) -> None:
    """Write `value` as `to_json` gives it, whole or not at all. indent: None packs it. Raises OSError naming the file.
    """
    with replaced(path) as passing:
        passing.write_text(to_json(value, indent), encoding="utf-8")


def to_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON: a figure that is not a number (a subset without relations) becomes null."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(value), indent=indent, allow_nan=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
