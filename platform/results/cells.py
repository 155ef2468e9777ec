"""Metrics over the seeds of a configuration: mean, deviation and n.

A row has hundreds of metrics, of which a table or a report shows some, so each is computed when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Cell(NamedTuple):
    """A metric over the seeds of a configuration. std: the sample standard deviation; None for one seed."""

    mean: float
    std: float | None
    n: int


class Cells(Mapping[str, Cell]):
    """The cell of each metric. samples: the metrics of each seed, by name.

    Means are exactly rounded (`math.fsum`), so they do not depend on the order of seeds.
    """

    def __init__(self, samples: Sequence[Mapping[str, float]] = ()) -> None:
        self._samples = samples
        self._names = dict.fromkeys(name for sample in samples for name in sample)
        self._known: dict[str, Cell] = {}

    def __getitem__(self, name: str) -> Cell:
        if (cell := self._known.get(name)) is None:
            values = [sample[name] for sample in self._samples if name in sample]
            if not values:
                raise KeyError(name)
            mean = math.fsum(values) / len(values)
            cell = Cell(mean, _deviation(values, mean) if len(values) > 1 else None, len(values))
            self._known[name] = cell
        return cell

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def n(self) -> int:
        """The most samples that a metric has; 0 without a metric."""
        if not self._names:
            return 0
        if all(len(sample) == len(self._names) for sample in self._samples):
            return len(self._samples)
        return max(sum(name in sample for sample in self._samples) for name in self._names)


def _deviation(values: Sequence[float], mean: float) -> float:
    """The sample standard deviation of at least two values. `statistics.stdev` computes with fractions: slow."""
    return math.sqrt(math.fsum([(value - mean) ** 2 for value in values]) / (len(values) - 1))
