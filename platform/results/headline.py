"""The K of the recall that stands for a mode: one at which configurations can still be told apart.

It is chosen for each data set and mode: PredCls, which is easier, saturates earlier than SGCls.
"""

from __future__ import annotations

from collections.abc import Sequence

from sgg.common.metric_names import TABLE_SUBSETS, telling_k

from .history import CURVE_KS
from .result_row import ResultRow
from .wording import MODES, RECALLS


def split_of(rows: Sequence[ResultRow]) -> str:
    """The split whose metrics stand for rows: test, or val where no row has a test."""
    return "test" if any(name.startswith("test/") for row in rows for name in row.cells) else "val"


def recalls_of(rows: Sequence[ResultRow]) -> list[str]:
    """The names of all recalls that were measured on that split, by mode, subset, kind and K."""
    measured, split = {name for row in rows for name in row.cells}, split_of(rows)
    return [name for mode in MODES for subset in TABLE_SUBSETS for recall in RECALLS for k in CURVE_KS
            if (name := f"{split}/{mode}/{subset}/{recall}@{k}") in measured]


def headline_of(rows: Sequence[ResultRow], mode: str, recall: str = "ngR") -> int | None:
    """The `telling_k` of the best row in a mode; None where the recall was not measured. rows: of one data set."""
    prefix = f"{split_of(rows)}/{mode}/all/{recall}@"
    best: dict[int, float] = {}
    for row in rows:
        for name in row.cells:
            if name.startswith(prefix) and (k := name.removeprefix(prefix)).isdecimal():
                best[int(k)] = max(best.get(int(k), 0.0), row.cells[name].mean)
    return telling_k(best) if best else None


def shown_metric(rows: Sequence[ResultRow], mode: str, metric: str | None = None) -> str:
    """The metric that a form shows of a mode: the one asked for, for example mR@50; None: ngR at `headline_of`."""
    return metric or f"ngR@{headline_of(rows, mode)}"


def measured_metrics(rows: Sequence[ResultRow]) -> set[str]:
    """The metrics that were measured in any mode and subset, such as mR@50."""
    parts = [name.split("/") for row in rows for name in row.cells if name.count("/") == 3]
    return {metric for _, mode, _, metric in parts if mode in MODES}


def require_measured(rows: Sequence[ResultRow], metric: str | None) -> None:
    """Raise ValueError for a metric that no row has. Rows without any metric may be shown whatever was asked for."""
    measured = measured_metrics(rows)
    if metric is not None and measured and metric not in measured:
        raise ValueError(f"--metric: {metric} was not measured; measured: {', '.join(sorted(measured))}")


def headlines_of(rows: Sequence[ResultRow]) -> dict[str, int]:
    """The `headline_of` each measured mode."""
    return {mode: k for mode in MODES if (k := headline_of(rows, mode)) is not None}
