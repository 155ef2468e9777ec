"""Learning curves of a configuration: at each epoch the mean over its trials, and their lowest and highest value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..history import TrialHistory
from .columns import packed

NUMBERS = "loss", "frechet", "density", "count"
"""The beginnings of the names of values that are no fractions."""
COUNT = "/count"
"""The end of the name of a number of features, which is that of every trial."""


@dataclass(frozen=True)
class Band:
    """A metric over epochs. n: how many trials were measured at each epoch."""

    epochs: list[int]
    mean: list[float]
    low: list[float]
    high: list[float]
    n: list[int]


def band(trials: Sequence[TrialHistory], metric: str) -> Band | None:
    """The band of a metric over trials; None if no trial measured it. An epoch that no trial measured is left out."""
    values: dict[int, list[float]] = {}
    for trial in trials:
        for epoch, value in zip(trial.epochs, trial.curves.get(metric, []), strict=False):
            if value is not None:
                values.setdefault(epoch, []).append(value)
    if not values:
        return None
    epochs = sorted(values)
    return Band(epochs, [math.fsum(values[epoch]) / len(values[epoch]) for epoch in epochs],
                [min(values[epoch]) for epoch in epochs], [max(values[epoch]) for epoch in epochs],
                [len(values[epoch]) for epoch in epochs])


def curves(configurations: Sequence[Sequence[TrialHistory]]) -> dict[str, Any]:
    """The bands of all configurations, each given by its trials.

    epochs: of each configuration, those of any of its trials. of: metric without `val/` -> the columns of the mean and,
    if a configuration has several trials, of the lowest and the highest value. A column holds a value for each of the
    `epochs` of the first configuration, then of the second, and so on. The columns of `NUMBERS` are not packed.
    """
    epochs = [sorted({epoch for trial in trials for epoch in trial.epochs}) for trials in configurations]
    of: dict[str, Any] = {}
    for metric in sorted({name for trials in configurations for trial in trials for name in trial.curves}):
        found = [band(trials, metric) for trials in configurations]
        several = any(one is not None and max(one.n) > 1 for one in found) and not metric.endswith(COUNT)
        write = _numbers if metric.rpartition("/")[2].startswith(NUMBERS) else packed
        of[metric.removeprefix("val/")] = [write(_column(found, epochs, part)) for part in (
            ("mean", "low", "high") if several else ("mean",))]
    return {"epochs": epochs, "of": of}


def _column(bands: Sequence[Band | None], epochs: Sequence[Sequence[int]], part: str) -> list[float | None]:
    column: list[float | None] = []
    for one, known in zip(bands, epochs, strict=True):
        values = {} if one is None else dict(zip(one.epochs, getattr(one, part), strict=True))
        column += [values.get(epoch) for epoch in known]
    return column


def _numbers(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None or not math.isfinite(value) else float(f"{value:.4g}") for value in values]
