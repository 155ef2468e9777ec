"""Names of image files in annotation, which identify the images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
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


def require_below(file: Any, record: str) -> str:
    """Return `file`. Raises ValueError that names the record unless it is a path below the folder of images."""
    if not isinstance(file, str) or not file or os.path.isabs(file) or ".." in Path(file).parts:
        raise ValueError(f"{record} must have a path below the folder of images under 'file_name', got {short(file)}")
    return file
