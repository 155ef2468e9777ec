"""Names, values and settings of results in words, for tables and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sgg.common.metric_names import is_fraction, is_lower_better
from sgg.config.loading.named_rows import ROW

from .adjusted import EVALUATION, is_adjusted
from .cells import Cell
from .paired import Difference

WIDTH = 100
"""Columns of a terminal that a table should fit."""
RECALLS = ("R", "mR", "F1", "ngR", "ng-mR", "ng-F1")
"""The kinds of recall that report and files show."""
DATA_SEED = "data.seed"
MODES = {"sgcls": "SGCls", "predcls": "PredCls", "sgdet": "SGDet"}


class Pooling(Protocol):
    """What is asked of a row (`result_row.ResultRow`)."""

    @property
    def blocks(self) -> Sequence[str]:
        """The data sets that it pools."""


def cell_text(cell: Cell | None, metric: str) -> str:
    """Mean of a metric and its deviation, if it has one, with one decimal; fractions in percent."""
    if cell is None:
        return "-"
    scale = scale_of(metric)
    return f"{scale * cell.mean:.1f}" + ("" if cell.std is None else f" ± {scale * cell.std:.1f}")


def difference_text(difference: Difference, metric: str) -> str:
    """A difference in a metric, with its interval; that of fractions in points."""
    scale = scale_of(metric)
    mean = f"{scale * difference.mean:+.1f}"
    if difference.low is None or difference.high is None:
        return mean
    return f"{mean} [{scale * difference.low:+.1f}, {scale * difference.high:+.1f}]"


def scale_of(metric: str) -> int:
    """By what a value is multiplied to be shown: a fraction is shown in percent, a rank as it is."""
    return 100 if is_fraction(metric) else 1


def p_text(p: float | None) -> str:
    """A p with three decimals."""
    return "-" if p is None else "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def setting_text(value: Any) -> str:
    """The value of a setting."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def row_label(settings: Mapping[str, Any]) -> str:
    """A row by its settings: the name of a row alone, others with their names; without neutral adjustments."""
    shown = [key for key, value in settings.items() if value is not None and (
        not key.startswith(EVALUATION) or is_adjusted({key: value}))]
    return ", ".join(setting_text(settings[key]) if key == ROW else f"{name} {setting_text(settings[key])}"
                     for key, name in zip(shown, short_names(shown), strict=True)) or "the configuration"


def short_names(keys: list[str]) -> list[str]:
    """Dotted keys without the sections that are not needed to distinguish them; `model.head.kind` becomes `head`. A
    seed is that of the training, so the one of the data keeps its name."""
    last = [key.removesuffix(".kind").rsplit(".", 1)[-1] for key in keys]
    return [short if last.count(short) == 1 and key != DATA_SEED else key
            for key, short in zip(keys, last, strict=True)]


def mean_over(rows: Sequence[Pooling]) -> str:
    """What the figures of a table are."""
    return f"mean ± sample deviation over {'data sets and ' if any(len(row.blocks) > 1 for row in rows) else ''}seeds"


def unit_of(metric: str) -> str:
    """What a caption adds to the name of a metric."""
    return " in percent" if is_fraction(metric) else _direction(metric)


def unit_of_difference(metric: str) -> str:
    """What a caption adds to a difference in a metric."""
    return " in points" if is_fraction(metric) else _direction(metric)


def _direction(metric: str) -> str:
    return " (lower is better)" if is_lower_better(metric) else ""
