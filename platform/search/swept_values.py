"""Which values of adjustments the trials of a search are measured under: a model cannot give all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sgg.config import Config, Study
from sgg.config.loading.named_rows import ROW, row_of
from sgg.methods.adjustment import faults_of_values, text_of

from .axis import Values, describe

Models = Sequence[tuple[Values, Config]]
"""The different models of a search, each with the searched values that make it."""


def faults_of_adjustments(study: Study, models: Models) -> list[str]:
    """One sentence for each value of an adjustment that no model can be measured under."""
    faults: list[str] = []
    for key, asked in study.adjustments.items():
        missing = [values for _, values in _missing(study, models, key)]
        never = [value for value in asked if all(value in values for values in missing)]
        faults += faults_of_values(key.partition(".")[2], never, models[0][1].trained)
    return faults


def left_out(study: Study, models: Models) -> Iterator[str]:
    """One sentence for each list of values of an adjustment that some models cannot be measured under."""
    for key in study.adjustments:
        missing = _missing(study, models, key)
        deciding = _deciding(missing)
        where: dict[tuple[Any, ...], dict[str, None]] = {}
        for point, values in missing:
            where.setdefault(values, {})[describe({name: point[name] for name in deciding})] = None
        yield from (f"{key} {', '.join(map(text_of, values))}: not measured in trials with {' or '.join(points)}, "
                    "whose model cannot give it" for values, points in where.items() if values)


def _missing(study: Study, models: Models, key: str) -> list[tuple[Values, tuple[Any, ...]]]:
    """For each model the asked values of an adjustment that it is not measured under. A row that gives values of its
    own gets all of these."""
    asked = study.adjustments[key]
    return [(point, () if key in row_of(study.axes, point.get(ROW)) else
             tuple(value for value in asked if value not in config.value_of(key))) for point, config in models]


def _deciding(missing: Sequence[tuple[Values, tuple[Any, ...]]]) -> list[str]:
    """The keys of searched values on which it depends what is missing."""
    def depends(key: str) -> bool:
        found: dict[str, set[tuple[Any, ...]]] = {}
        for point, values in missing:
            found.setdefault(repr([point[other] for other in point if other != key]), set()).add(values)
        return any(len(several) > 1 for several in found.values())

    return [key for key in missing[0][0] if depends(key)]
