"""The rows of one configuration, which differ in their adjustments alone, and the best of them in validation."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sgg.config.search import Objective
from sgg.methods.variants import neutral

from .pareto import Measured

EVALUATION = "evaluation."
MARK = "★"
EXPLAINED = "the best adjustments of a configuration in validation"


class Row(Protocol):
    """What is asked of a row (`result_row.ResultRow`)."""

    best_adjusted: bool | None

    @property
    def identity(self) -> Mapping[str, Any]:
        """All settings that tell configurations apart, and the value of each adjustment."""

    @property
    def basis(self) -> Hashable:
        """What it was measured on."""

    @property
    def cells(self) -> Mapping[str, Measured]:
        """Its metrics by name."""


AnyRow = TypeVar("AnyRow", bound=Row)


def configurations(rows: Sequence[AnyRow]) -> list[list[AnyRow]]:
    """The rows of each configuration; the one without adjustments first, if it was measured."""
    groups: dict[Any, list[AnyRow]] = {}
    for row in rows:
        identity = {key: value for key, value in row.identity.items() if not key.startswith(EVALUATION)}
        groups.setdefault((repr(sorted(identity.items())), row.basis), []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: [_strength(key, row.identity[key]) for key in sorted(row.identity)
                                    if key.startswith(EVALUATION)])
    return list(groups.values())


def standing(rows: Sequence[AnyRow]) -> list[AnyRow]:
    """The rows that stand for their configurations: of each the one without adjustments, and the best one in
    validation. They keep their order."""
    plain = {id(group[0]) for group in configurations(rows)}
    return [row for row in rows if id(row) in plain or row.best_adjusted]


def is_adjusted(settings: Mapping[str, Any]) -> bool:
    """Whether any adjustment among settings has a value that changes something."""
    return any(key.startswith(EVALUATION) and _strength(key, value)[0] for key, value in settings.items())


def several_values(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of adjustments that have several values among settings."""
    values: dict[str, set[str]] = {}
    for one in settings:
        for key, value in one.items():
            if key.startswith(EVALUATION):
                values.setdefault(key, set()).add(repr(value))
    return [key for key, several in values.items() if len(several) > 1]


def mark_best(rows: Sequence[Row], searched: Sequence[Objective]) -> None:
    """Say of each row whether its adjustments are the best of its configuration by the first searched metric; of
    equally good ones the weakest. Where a configuration has one row, or its rows do not differ in the metric, nothing
    is said."""
    metric, mode = searched[0]
    for group in configurations(rows):
        found = [row for row in group if metric in row.cells and math.isfinite(row.cells[metric].mean)]
        means = [row.cells[metric].mean for row in found]
        if len(set(means)) < 2:
            continue
        best = found[means.index(max(means) if mode == "max" else min(means))]
        for row in group:
            row.best_adjusted = row is best


def _strength(key: str, value: Any) -> tuple[bool, float]:
    """A sort key: neutral values first, then numbers by their size; words keep their order."""
    number = abs(float(value)) if isinstance(value, (int, float)) else 0.0
    return value is not None and value != neutral(key.removeprefix(EVALUATION)), number
