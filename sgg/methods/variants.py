"""Figures of one trained model under several adjustments.

Adjustments (`sgg/methods/adjustment.py`) act after training, so a trial measures every value of each of them; a grid of
all values where there are several. Names of figures tell which they were measured under: `/<name>=<value>` for each
adjustment that is not neutral, in the order of the names, and last `/x<value>` for `pred_weight`:
`val/sgcls/zs/ngR@100/logit_adjustment=1/x0.5`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from sgg.common.metric_names import DETECTION_COUNTS
from sgg.common.run_log import Row
from sgg.methods.adjustment import ADJUSTMENTS, BY_METRICS, AdjustmentFunction

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.edge_loss import EdgeContext
    from sgg.methods.statistics import Statistics

COUNTS = tuple(f"/{name}" for name in ("num_images", "num_relations", *DETECTION_COUNTS))
"""Ends of the names of figures that no adjustment changes."""
_SUFFIX = re.compile(r"((?:/[A-Za-z_]\w*=[^/=]+)*)((?:/x[0-9.e+-]+)?)$")

Variant = Mapping[str, float]
"""The value of each adjustment, by name."""


def variants_of(evaluation: Mapping[str, Any], also: Iterable[str] = ()) -> list[Variant]:
    """Every combination of the values of all adjustments. evaluation: the settings `evaluation.*` by name; one that is
    not among them is neutral. also: names of adjustments that are not registered here."""
    lists = {name: evaluation.get(name) or [_neutral(name)] for name in sorted({*ADJUSTMENTS, *also}, key=_order)}
    return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def suffix(variant: Variant) -> str:
    """What the names of figures end with that are measured under a variant."""
    text = "".join(f"/{name}={value:g}" for name, value in variant.items()
                   if name != BY_METRICS and value != _neutral(name))
    weight = variant.get(BY_METRICS, 0.0)
    return f"{text}/x{weight:g}" if weight else text


def split_suffix(name: str) -> tuple[str, str]:
    """The name without the suffix, and the suffix."""
    found = _SUFFIX.search(name)
    assert found is not None  # an empty suffix is one
    return name[:found.start()], found[0]


def adjustments_in(row: Row) -> set[str]:
    """The names of the adjustments, but `pred_weight`, that figures were measured under."""
    return {name for figure in row for name in re.findall(r"/([A-Za-z_]\w*)=", split_suffix(figure)[1])}


def with_suffix(name: str, adjusted: str) -> str:
    """The name of a figure of metrics, which may end with `/x0.5`, measured under the other adjustments of a suffix."""
    plain, own = split_suffix(name)
    return name if plain.endswith(COUNTS) else f"{plain}{adjusted}{own}"


def values_under(row: Row, variant: Variant) -> Row:
    """The figures measured under a variant, by their plain names, and all that is the same under every one."""
    wanted = suffix(variant)
    return {plain: value for name, value in row.items() for plain, own in [split_suffix(name)]
            if own == wanted or not _follows(plain)}


def _follows(name: str) -> bool:
    return name.startswith(("val/", "test/")) and not name.endswith(COUNTS)


def objective(row: Row, metric: str, mode: str, variants: Iterable[Variant]) -> float | None:
    """The searched metric, a plain name, under the variant that suits it best; None where the row has no such figure,
    or none that is a number (no relation of its kind)."""
    names = [f"{metric}{suffix(variant)}" if _follows(metric) else metric for variant in variants]
    values = [value for name in names if (value := row.get(name)) is not None and not math.isnan(value)]
    return (max if mode == "max" else min)(values, default=None)


def _order(name: str) -> tuple[bool, str]:
    """Sorts adjustments into the order in which they are applied."""
    return name == BY_METRICS, name


def _neutral(name: str) -> float:
    entry = ADJUSTMENTS.entries.get(name)
    return 0.0 if entry is None else entry.neutral


def adjusters(variants: Iterable[Variant], statistics: Statistics) -> dict[str, Adjuster]:
    """What each variant does to predicate logits, by its suffix, apart from what metrics apply themselves; the first
    one changes nothing and has the suffix "".
    """
    found: dict[str, Adjuster] = {"": Adjuster(())}
    functions: dict[str, AdjustmentFunction] = {}
    for variant in variants:
        own = {name: value for name, value in variant.items()
               if value != _neutral(name) and name != BY_METRICS}
        for name in own.keys() - functions.keys():
            functions[name] = ADJUSTMENTS[name]().build(statistics)
        found.setdefault(suffix(own), Adjuster(tuple((functions[name], value) for name, value in own.items())))
    return found


@dataclass(frozen=True)
class Adjuster:
    """Adjustments with their values, one after another."""

    steps: tuple[tuple[AdjustmentFunction, float], ...]

    def __call__(self, logits: Tensor, context: EdgeContext) -> Tensor:
        """Predicate logits [P, R], adjusted."""
        for adjust, value in self.steps:
            logits = adjust(logits, context, value)
        return logits
