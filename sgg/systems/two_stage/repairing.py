"""Repair the stores of an experiment: compute damaged rows again from their images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sgg.features.image_repair import repair
from sgg.features.image_store import NAMED

from .stored import StoredSplit

Bar = Callable[[str], Callable[[Sequence[Any]], Iterable[Any]]]
"""Makes a progress bar with a description."""


def repair_stores(splits: Sequence[StoredSplit], bar: Bar) -> Iterator[str]:
    """Repair the stores of splits that exist. Yields a line for people about each.

    Raises FileNotFoundError if there is none, and what `sgg.features.image_repair.repair` raises.
    """
    present = [(split, kind) for split in splits for kind, path in split.paths.items() if path.exists()]
    if not present:
        folder = splits[0].paths["map"].parent
        raise FileNotFoundError(f"{folder}: no stored maps of these settings; `python -m sgg.features maps` writes "
                                "them, and `python -m sgg.features info` says what a store is of")
    for split, kind in present:
        writer = split.writer(kind)
        rows = repair(writer, lambda rows, split=split, kind=kind: split.compute(rows)[kind],  # type: ignore[misc]
                      bar(f"{kind} of {split.name}"))
        yield f"{writer.path}: {_said(rows, split)} of {writer.rows:,}"


def _said(rows: list[int], split: StoredSplit) -> str:
    if not rows:
        return "every row is sound, all"
    named = [f"{row} (image {row // split.views}{', mirrored' if row % split.views else ''})" for row in rows[:NAMED]]
    more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
    return f"computed again and sealed: rows {', '.join(named)}{more}; {len(rows):,}"
