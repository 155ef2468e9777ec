"""Names of image files in annotation, which identify the images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sgg.data.dataset import stem
from sgg.data.records import short


def require_distinct(files: Sequence[str], section: str) -> None:
    """Raise ValueError that names the records of `section` unless all names differ before the ending."""
    rows: dict[str, int] = {}
    for index, file in enumerate(files):
        earlier = rows.setdefault(stem(os.path.normpath(file)), index)
        if earlier != index:
            raise ValueError(f"{section}[{index}] and {section}[{earlier}] have the file names {short(file)} and "
                             f"{short(files[earlier])}: list an image once; names must differ before the ending")


def is_below(file: Any) -> bool:
    """Whether a value is a path below the folder of images."""
    return isinstance(file, str) and bool(file) and not file.startswith("/") and (
        ".." not in file or ".." not in file.split("/"))


def require_below(file: Any, record: str) -> str:
    """Return `file`. Raises ValueError that names the record unless `is_below`."""
    if not is_below(file):
        raise ValueError(f"{record} must have a path below the folder of images under 'file_name', got {short(file)}")
    named: str = file
    return named
