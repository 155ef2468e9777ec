"""Variants: metrics of one trained model under several adjustments.

Adjustments (`sgg/methods/adjustment.py`) act after training, so a trial measures every value of each; several
adjustments make a grid. The name of a metric ends with the values of its variant: `/<name>=<value>` for each adjustment
that is not neutral, in the order of the names, and last `/x<value>` for `pred_weight`:
`val/sgcls/zs/ngR@100/logit_adjustment=1/x0.5`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from sgg.common.metric_names import DETECTION_COUNTS
from sgg.common.run_log import Row
from sgg.methods.adjustment import (
    ADJUSTMENTS,
    BY_METRICS,
    AdjustmentFunction,
    PredictedPairs,
    Value,
    require_logits,
    text_of,
)

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics

COUNTS = tuple(f"/{name}" for name in ("num_images", "num_relations", "num_triplets", *DETECTION_COUNTS))
"""Suffixes of the names of counts, which no adjustment changes."""
_SUFFIX = re.compile(r"((?:/[A-Za-z_]\w*=[^/=]+)*)((?:/x[0-9.e+-]+)?)$")

Variant = Mapping[str, Value]
"""The value of each adjustment, by name."""


def variants_of(evaluation: Mapping[str, Any], also: Iterable[str] = ()) -> list[Variant]:
    """All combinations of the values of all adjustments.

    evaluation: the settings `evaluation.*` by name; an adjustment that is missing there is neutral. also: names of
    adjustments that are not registered in this process.
    """
    lists = {name: evaluation.get(name) or [neutral(name)] for name in sorted({*ADJUSTMENTS, *also}, key=_order)}
    return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def suffix(variant: Variant) -> str:
    """The suffix of the names of metrics that are measured under a variant."""
    text = "".join(f"/{name}={text_of(value)}" for name, value in variant.items()
                   if name != BY_METRICS and value != neutral(name))
    weight = weight_of(variant)
    return f"{text}/x{weight:g}" if weight else text


def weight_of(variant: Variant) -> float:
    """The exponent of `pred_weight`, which the metrics apply themselves."""
    return float(variant.get(BY_METRICS, 0.0))


@lru_cache(maxsize=1 << 15)  # a search repeats a few thousand names in every trial
def split_suffix(name: str) -> tuple[str, str]:
    """The name of a metric without the suffix of its variant, and the suffix."""
    found = _SUFFIX.search(name)
    assert found is not None  # it also matches an empty suffix
    return name[:found.start()], found[0]


def adjustments_in(row: Row) -> set[str]:
    """The names of the adjustments, except `pred_weight`, in the names of metrics."""
    return set(_adjustments_in(tuple(row)))


@lru_cache(maxsize=256)  # all trials of a search have the same names
def _adjustments_in(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for metric in names for name in re.findall(r"/([A-Za-z_]\w*)=", split_suffix(metric)[1]))


def with_suffix(name: str, adjusted: str) -> str:
    """The name of a metric, which may end with `/x0.5`, with the suffix `adjusted` of the other adjustments."""
    plain, own = split_suffix(name)
    return name if plain.endswith(COUNTS) else f"{plain}{adjusted}{own}"


def with_adjustments(name: str, variant: Variant) -> str:
    """The name of a metric that an earlier version measured under a variant without saying so, as it is named now."""
    plain, own = split_suffix(name)
    if not variant or not _follows(plain):
        return name
    parts = [part for part in own.split("/") if part]
    named = [*(part for part in parts if "=" in part), *(f"{key}={text_of(value)}" for key, value in variant.items())]
    return "/".join([plain, *sorted(named, key=lambda part: part.partition("=")[0]),
                     *(part for part in parts if "=" not in part)])


def values_by_variant(row: Row, variants: Sequence[Variant]) -> list[Row]:
    """The metrics of a row under each of `variants`, by names without suffix, and the values that no variant changes.
    """
    names, values = tuple(row), list(row.values())
    return [{plain: values[place] for plain, place in _places(names, suffix(variant))} for variant in variants]


@lru_cache(maxsize=256)
def _places(names: tuple[str, ...], wanted: str) -> list[tuple[str, int]]:
    """The names without suffix of the metrics under the variant of the suffix `wanted`, with their places in `names`.
    """
    parts = [(*split_suffix(name), place) for place, name in enumerate(names)]
    return [(plain, place) for plain, own, place in parts if own == wanted or not _follows(plain)]


def _follows(name: str) -> bool:
    return name.startswith(("val/", "test/")) and not name.endswith(COUNTS)


def objective(row: Row, metric: str, mode: str, variants: Iterable[Variant]) -> float | None:
    """The value of the searched metric under its best variant. None if the row lacks the metric or it is NaN (there is
    no relation of its kind).

    metric: its name without suffix. mode: max or min.
    """
    names = [f"{metric}{suffix(variant)}" if _follows(metric) else metric for variant in variants]
    values = [value for name in names if (value := row.get(name)) is not None and not math.isnan(value)]
    return (max if mode == "max" else min)(values, default=None)


def _order(name: str) -> tuple[bool, str]:
    """A sort key that puts adjustments into the order of application."""
    return name == BY_METRICS, name


def neutral(name: str) -> Value:
    """The value of an adjustment that changes nothing; 0 for one that is not registered in this process."""
    entry = ADJUSTMENTS.entries.get(name)
    return 0.0 if entry is None else entry.neutral


def adjusters(variants: Iterable[Variant], statistics: Statistics) -> dict[str, Adjuster]:
    """The adjuster of predicate logits of each variant, by suffix, without the adjustment that metrics apply.

    The first adjuster changes nothing and has the suffix "".
    """
    found: dict[str, Adjuster] = {"": Adjuster(())}
    functions: dict[str, AdjustmentFunction] = {}
    for variant in variants:
        own = {name: value for name, value in variant.items()
               if value != neutral(name) and name != BY_METRICS}
        for name in own.keys() - functions.keys():
            functions[name] = ADJUSTMENTS[name]().build(statistics)
        taken = [ADJUSTMENTS[name].counterfactuals(value) for name, value in own.items()]
        found.setdefault(suffix(own), Adjuster(tuple((name, functions[name], value) for name, value in own.items()),
                                               frozenset().union(*taken)))
    return found


def counterfactuals_of(adjusters: Iterable[Adjuster]) -> frozenset[str]:
    """The names of the counterfactual logits that any of some adjusters takes."""
    return frozenset().union(*(adjuster.counterfactuals for adjuster in adjusters))


@dataclass(frozen=True)
class Adjuster:
    """Applies adjustments, one after another.

    steps: the name, the function and the value of each. counterfactuals: the names of the counterfactual logits that
    they take.
    """

    steps: tuple[tuple[str, AdjustmentFunction, Value], ...]
    counterfactuals: frozenset[str] = frozenset()

    def __call__(self, logits: Tensor, context: PredictedPairs) -> Tensor:
        """Adjusted predicate logits [P, R]. Raises MethodError for an adjustment that returns something else."""
        for name, adjust, value in self.steps:
            logits = require_logits(adjust(logits, context, value), adjust, logits, name)
        return logits
