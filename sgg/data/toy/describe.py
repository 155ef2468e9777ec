"""Describe the statistics of a toy genome, or of any data set, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from sgg.common.metric_names import SHOTS

if TYPE_CHECKING:
    from sgg.data.dataset import DataSet, Split

_SPLITS = ("train", "val", "test", "detector")
Row = tuple[str | int, ...]


def describe(data: DataSet) -> str:
    """A text with the size of each split, the training counts of relations in val and test, and the long tails."""
    splits = {name: data.split(name) for name in _SPLITS}
    blocks = [
        _table(("part", "images", "objects", "relations", "density", "triplets"),
               ((name, *_sizes(split)) for name, split in splits.items())),
        _table(("part", "zero-shot", "10-shot", "100-shot", "more"),
               ((name, *_shots(data, splits[name])) for name in ("val", "test"))),
        _table(("predicate", *_SPLITS, "test zero-shot"), _predicates(data, splits)),
        _table(("class", *_SPLITS),
               ((name, *(int((split.annotations.labels == label).sum()) for split in splits.values()))
                for label, name in enumerate(data.classes) if label)),
    ]
    return "\n\n".join([data.description, *blocks])


def _sizes(split: Split) -> Row:
    """Images, objects and relations (mean per image), graph density and distinct triplets."""
    annotations = split.annotations
    objects, relations = annotations.objects_per_image, annotations.relations_per_image
    density = (relations / np.maximum(1, objects * (objects - 1))).mean()
    return (len(split), f"{objects.sum():,} ({objects.mean():.1f})", f"{relations.sum():,} ({relations.mean():.1f})",
            f"{100 * density:.1f} %", len(split.triplets()))


def _shots(data: DataSet, split: Split) -> Row:
    """The number of relations of a split by the training count of their triplet."""
    seen = data.seen(split.name).of(split.annotations.triplets)
    return tuple(int(((low <= seen) & (seen <= high)).sum())
                 for low, high in (*SHOTS.values(), (101, np.inf)))


def _predicates(data: DataSet, splits: dict[str, Split]) -> Iterable[Row]:
    """The number of relations of each predicate in each split, frequent predicates first."""
    counts = {name: np.bincount(split.annotations.triplets[:, 1], minlength=len(data.predicates))
              for name, split in splits.items()}
    test = splits["test"].annotations.triplets
    unseen = np.bincount(test[data.seen("test").of(test) == 0, 1], minlength=len(data.predicates))
    for index in np.argsort(-counts["train"], kind="stable").tolist():
        if index:
            yield (data.predicates[index], *(int(counts[name][index]) for name in _SPLITS), int(unseen[index]))


def _table(head: tuple[str, ...], rows: Iterable[Row]) -> str:
    """A table with columns of equal width; the first is aligned left."""
    lines = [head, *(tuple(f"{cell:,}" if isinstance(cell, int) else cell for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                                              zip(line[1:], widths[1:], strict=True))])
                     for line in lines)
