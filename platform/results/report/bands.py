"""Learning curves of a configuration: at each epoch the mean over its trials, and their lowest and highest value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..history import TrialHistory


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
