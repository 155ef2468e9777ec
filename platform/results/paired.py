"""The difference between two configurations, paired by data set and training seed. The data sets are blocks.

Of each pair, d_ij is the row minus the baseline on data set i under training seed j. With b_i, the difference on data
set i, and noise e_ij of the training, d_ij = b_i + e_ij. The effect is the mean of the b_i, each with the same weight.

- Its interval and p answer: would training again on *these* data sets show it? The error is the spread of the d_ij
  within their data sets, pooled over them (Student's t with sum(n_i - 1) degrees of freedom). It takes the e_ij for
  normal, with one variance. That the method helps more on one data set than on another is no error here. With one data
  set this is the usual paired t test.
- `across` answers: would it show on *other* data sets of this kind? It is a t test over the means of the data sets
  (their number - 1 degrees of freedom). With few data sets it needs a large and even effect, and it takes the b_i for
  normal. For equal n_i it is the test of a mixed model with the data set as random effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

LEVEL = 0.95
TINY = 1e-12
"""Errors below this are rounding: all differences are equal, and no test is possible."""


@dataclass(frozen=True)
class Difference:
    """A difference and what it rests on. low, high: its interval of 95 %. p, across: see the file; two-sided. All four
    are None where there are too few pairs, or no spread. n: pairs. blocks: data sets."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    across: float | None
    n: int
    blocks: int


def paired(differences: Mapping[str, Sequence[float]]) -> Difference | None:
    """The difference, from those of all pairs by block; None without a pair."""
    blocks = [values for values in differences.values() if values]
    if not blocks:
        return None
    means = [math.fsum(values) / len(values) for values in blocks]
    mean, n = math.fsum(means) / len(means), sum(map(len, blocks))
    squares = math.fsum((value - middle) ** 2 for values, middle in zip(blocks, means, strict=True) for value in values)
    freedom = n - len(blocks)
    error = math.sqrt(squares / freedom * sum(1 / len(values) for values in blocks)) / len(blocks) if freedom else None
    reach = None if error is None or error < TINY else float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return Difference(mean, None if reach is None else mean - reach, None if reach is None else mean + reach,
                      _p(mean, error, freedom), _p(mean, _error(means, mean), len(means) - 1), n, len(blocks))


def holm(values: Sequence[float | None]) -> list[float | None]:
    """The p of several tests, corrected so that the chance of any false finding stays below the level (Holm 1979). None
    is no test, and counts as none."""
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    corrected: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        corrected[place] = highest
    return corrected


def _error(values: Sequence[float], mean: float) -> float | None:
    """The standard error of a mean; None for one value."""
    if len(values) < 2:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _p(mean: float, error: float | None, freedom: int) -> float | None:
    """The two-sided p of a t test."""
    return None if error is None or error < TINY else 2 * float(stdtr(freedom, -abs(mean / error)))
