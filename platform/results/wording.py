"""Names, values and settings of results in words, for tables and reports."""

from __future__ import annotations

from typing import Any

from sgg.common.metric_names import is_fraction

from .cells import Cell

MODES = {"sgcls": "SGCls", "predcls": "PredCls", "sgdet": "SGDet"}


def cell_text(cell: Cell | None, metric: str, plus_minus: str = "±") -> str:
    """Mean of a metric and its deviation, if it has one, with one decimal; fractions in percent."""
    if cell is None:
        return "-"
    scale = 100 if is_fraction(metric) else 1
    return f"{scale * cell.mean:.1f}" + ("" if cell.std is None else f" {plus_minus} {scale * cell.std:.1f}")


def setting_text(value: Any) -> str:
    """The value of a setting."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_names(keys: list[str]) -> list[str]:
    """Dotted keys without the sections that are not needed to distinguish them; `model.head.kind` becomes `head`."""
    last = [key.removesuffix(".kind").rsplit(".", 1)[-1] for key in keys]
    return [short if last.count(short) == 1 else key for key, short in zip(keys, last, strict=True)]


def unit_of(metric: str) -> str:
    """What a caption adds to the name of a metric."""
    return " in percent" if is_fraction(metric) else ""
