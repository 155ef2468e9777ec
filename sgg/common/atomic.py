"""Atomic writing of files: a file is written under a temporary name, then renamed. So it is whole or not there."""

from __future__ import annotations

import json
import math
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any


def nearest_existing(path: Path) -> Path:
    """The path itself if it exists, else the nearest folder above it that exists."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def require_writable(path: Path) -> None:
    """Check that a file can be written at `path`: a temporary file is made in the nearest existing folder above it.

    `os.access` is not enough: its answer is wrong for an administrator and on some network disks.
    Raises OSError that names `path` and the system's reason.
    """
    folder = path if path.is_dir() else nearest_existing(path.parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror} (a new file in {folder}); name a path on a disk "
                      "that you can write to") from None


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. At the end of the block it replaces the file `path`, which stays as it was
    until then.

    Raises OSError that names `path` if the system refuses. After any error the temporary file is removed.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with named_in_errors(path, str(temporary)):
            yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def named_in_errors(path: Path, temporary: str | None = None) -> Iterator[None]:
    """Make system errors in the block name `path` if they name no file (a full disk) or only its temporary name."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename in (None, temporary):  # the system's, not our own
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_json(path: Path, value: Any, indent: int | None = 1) -> None:
    """Write the JSON text of `value` (`to_json`) atomically.

    indent: spaces per level; None writes one line. Raises OSError that names the file.
    """
    with replaced(path) as temporary:
        temporary.write_text(to_json(value, indent), encoding="utf-8")


_keeping = ContextVar("keeping", default=True)


def keep_json(path: Path, value: Any) -> None:
    """Write the JSON text of what can be computed again, and its folder. Nothing happens where the system refuses,
    and within `keeping_nothing`."""
    if _keeping.get():
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, value, indent=None)


@contextmanager
def keeping_nothing() -> Iterator[None]:
    """In the block `keep_json` writes nothing."""
    before = _keeping.set(False)
    try:
        yield
    finally:
        _keeping.reset(before)


def to_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON text. NaN (the recall of a subset without relations) and infinity become null."""
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
