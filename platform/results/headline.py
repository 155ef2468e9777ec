"""The K of the recall that stands for a mode: one at which configurations can still be told apart."""

from __future__ import annotations

from collections.abc import Sequence

from sgg.common.metric_names import telling_k

from .aggregate import ResultRow


def headline_of(rows: Sequence[ResultRow], mode: str, split: str, recall: str = "ngR") -> int | None:
    """The `telling_k` of the best row in a mode on a split; None where the recall was not measured."""
    prefix = f"{split}/{mode}/all/{recall}@"
    best: dict[int, float] = {}
    for row in rows:
        for name, cell in row.cells.items():
            if name.startswith(prefix) and (k := name.removeprefix(prefix)).isdecimal():
                best[int(k)] = max(best.get(int(k), 0.0), cell.mean)
    return telling_k(best) if best else None
