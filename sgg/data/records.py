"""Turn annotation that comes as records (JSON, groups of an h5) into flat arrays, image by image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sgg.data.annotations import Annotations

Record: TypeAlias = dict[str, Any]
"""A JSON object whose content has not been checked yet."""


def typed(record: Any, key: str, *kinds: type) -> Any:
    """Return record[key], which must have one of the types `kinds`. A number must be finite and fit into 64 bits; a
    bool is no number.

    Raises ValueError that shows the record.
    """
    value = record.get(key) if isinstance(record, dict) else None
    too_large = isinstance(value, int | float) and not abs(value) < 2**63
    if not isinstance(value, kinds) or isinstance(value, bool) or too_large:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"must have {names} under {key!r}, got {short(record)}")
    return value


def short(value: Any) -> str:
    """The repr of `value`, cut to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


@contextmanager
def located(place: str) -> Iterator[None]:
    """Prefix the ValueErrors of the block with `place`, the current file and record."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place} {error}") from None


class AnnotationsBuilder:
    """Collects the annotation of single images."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.boxes: list[np.ndarray] = []
        self.labels: list[np.ndarray] = []
        self.relations: list[np.ndarray] = []

    def add(self, file: str, size: tuple[int, int], boxes: ArrayLike, labels: ArrayLike,
            relations: ArrayLike) -> None:
        """Add an image: file, height and width, N boxes x1, y1, x2, y2, N labels, E rows (subject, object, predicate).
        """
        self.files.append(file)
        self.sizes.append(size)
        self.boxes.append(np.asarray(boxes, dtype=np.float32).reshape(-1, 4))
        self.labels.append(np.asarray(labels, dtype=np.int64).reshape(-1))
        self.relations.append(np.asarray(relations, dtype=np.int64).reshape(-1, 3))

    def build(self) -> Annotations:
        """The annotation of all images in the order of `add`. Its values are not checked."""
        return Annotations(
            np.array(self.files, dtype=str), np.array(self.sizes, dtype=np.int64).reshape(-1, 2),
            np.cumsum([0, *map(len, self.labels)]), np.concatenate([np.empty((0, 4), np.float32), *self.boxes]),
            np.concatenate([np.empty(0, np.int64), *self.labels]), np.cumsum([0, *map(len, self.relations)]),
            np.concatenate([np.empty((0, 3), np.int64), *self.relations]))
