"""The rows of a table against a baseline: paired difference, corrected p, and cost of a point gained.

The rows that stand for their configurations are compared (`adjusted.standing`). p is corrected over all of them that
are on the data of the baseline, for each metric by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sgg.common.metric_names import is_fraction
from sgg.config.loading.errors import did_you_mean
from sgg.config.loading.named_rows import ROW

from .adjusted import configurations, standing
from .collection import Collection
from .cost import cost, per_point
from .paired import Difference, holm, paired
from .result_row import ResultRow, Sample
from .wording import setting_text


@dataclass(frozen=True)
class Compared:
    """A row against the baseline in one metric. p, across: those of the difference, corrected by Holm. seconds: that a
    trial takes more for each point gained; None: no gain, or unknown."""

    row: ResultRow
    metric: str
    difference: Difference
    p: float | None
    across: float | None
    seconds: float | None


def compared(rows: Sequence[ResultRow], base: ResultRow, metric: str, collection: Collection) -> list[Compared]:
    """The rows that have pairs with the baseline, in their order. metric: with its split."""
    others = [row for row in standing(rows) if row.basis == base.basis and row is not base]
    found = [(row, difference) for row in others if (difference := _difference(row, base, metric)) is not None]
    corrected = holm([difference.p for _, difference in found])
    across = holm([difference.across for _, difference in found])
    costs = {id(row): cost([collection.trials[number] for number in row.trials]) for row in (base, *others)}
    return [Compared(row, metric, difference, p, p_across,
                     per_point(costs[id(row)], costs[id(base)], _gain(difference, metric)))
            for (row, difference), p, p_across in zip(found, corrected, across, strict=True)]


def cost_unit(base: ResultRow, metric: str, collection: Collection) -> str:
    """What the cost of a point is counted in; "" where a metric has no points, or the cost of the baseline is unknown.
    """
    found = cost([collection.trials[number] for number in base.trials]) if is_fraction(metric) else None
    return "" if found is None else found.unit


def baseline_of(rows: Sequence[ResultRow], words: str) -> ResultRow:
    """The first row that a baseline names: the name of a row, or settings such as `loss.kind=dnorm`, which commas
    separate. Of several it is one without adjustments. Raises ValueError where there is none."""
    candidates = [*(group[0] for group in configurations(rows)), *standing(rows)]
    wanted = {ROW: words} if "=" not in words else dict(word.split("=", 1) for word in words.split(","))
    for row in candidates:
        if all(key.strip() in row.identity and setting_text(row.identity[key.strip()]) == value.strip()
               for key, value in wanted.items()):
            return row
    names = list(dict.fromkeys(str(row.settings[ROW]) for row in candidates if ROW in row.settings))
    known = f"a row ({', '.join(names)}), or its settings" if names else "the settings of a row"
    raise ValueError(f"--baseline (search.baseline): no row of the results is {words}; name {known}, such as "
                     f"loss.kind=dnorm{did_you_mean(words, names)}")


def present(rows: Sequence[ResultRow], baselines: Sequence[str]) -> list[str]:
    """The baselines that some row is; of a search that has just begun it may be none."""
    found = []
    for words in baselines:
        with suppress(ValueError):
            baseline_of(rows, words)
            found.append(words)
    return found


def _gain(difference: Difference, metric: str) -> float | None:
    """What a row gains in a metric, as a fraction; None where that has no points. A larger fraction is always better.
    """
    return difference.mean if is_fraction(metric) else None


def _difference(row: ResultRow, base: ResultRow, metric: str) -> Difference | None:
    ours, theirs = _by_pair(row.samples, metric), _by_pair(base.samples, metric)
    differences: dict[str, list[float]] = {}
    for block, seed in ours.keys() & theirs.keys():
        differences.setdefault(block, []).append(ours[block, seed] - theirs[block, seed])
    return paired(differences)


def _by_pair(samples: Sequence[Sample], metric: str) -> dict[tuple[str, int], float]:
    """(data set, seed) -> the metric; where several configurations share a row (`--by`), their mean."""
    values: dict[tuple[str, int], list[float]] = {}
    for sample in samples:
        value = sample.metrics.get(metric)
        if sample.seed is not None and value is not None and math.isfinite(value):
            values.setdefault((sample.block, sample.seed), []).append(value)
    return {pair: math.fsum(found) / len(found) for pair, found in values.items()}
