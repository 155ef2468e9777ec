"""Every combination of the parts of a method, why some of them are refused, and a few that cover all pairs of parts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, product
from typing import Any, NamedTuple

from sgg.methods.adjustment import ADJUSTMENTS
from sgg.methods.augmentation import AUGMENTATIONS
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS

MODES, BIASES = ("predcls", "sgcls", "sgdet"), ("off", "add", "only")
ADJUSTED: dict[str, tuple[Any, ...]] = {"pred_weight": (0.5,), "logit_adjustment": (1.0,), "pko": (1.0,),
                                        "tcar": (1.0,), "effect": ("tde", "nie", "te"),
                                        "frequency_bias": ("off", "add")}
"""Values of each adjustment that change something."""
QUICK = {"gan": {"visual_conditioning": False, "perturb": {"method": "rand"}},
         "feature_mixing": {"min_cosine": -1, "repeat_below": 50}}
"""Settings of augmentations with which they have something to do on a few images."""


class Combination(NamedTuple):
    """Names of the parts. adjustment: a name and a value; None: none."""

    head: str
    loss: str
    augmentation: str
    mode: str
    bias: str
    adjustment: tuple[str, Any] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Nested settings, on the toy genome."""
        adjusted = {} if self.adjustment is None else {self.adjustment[0]: [self.adjustment[1]]}
        return {"data": {"name": "toy"}, "model": {"head": self.head, "frequency_bias": self.bias}, "loss": self.loss,
                "augmentation": {"kind": self.augmentation}, "training": {"mode": self.mode}, "evaluation": adjusted}

    @property
    def reasons(self) -> list[str]:
        """The beginnings of the reasons for which it is refused."""
        found = {
            "training.mode sgdet cannot be combined with augmentation.kind gan":
                self.augmentation == "gan" and self.mode == "sgdet",
            "model.frequency_bias is only, so the model has no weights":
                self.augmentation != "off" and self.bias == "only",
            "model.frequency_bias must be off with model.head causal": self.head == "causal" and self.bias != "off",
            f"augmentation.kind {self.augmentation} cannot be combined with model.head causal: ":
                self.head == "causal" and self.augmentation != "off"}
        adjusted = [] if self.adjustment is None else [self.reason_of_adjustment(*self.adjustment)]
        return [reason for reason, holds in found.items() if holds] + [reason for reason in adjusted if reason]

    def reason_of_adjustment(self, name: str, value: Any) -> str:
        """The beginning of the reason for which a value of an adjustment is refused; empty: it is not."""
        start = f"evaluation.{name} {value} "
        if value == ADJUSTMENTS[name].neutral:
            return ""
        if name == "effect" and self.head != "causal":
            return f"{start}takes logits that model.head {self.head} does not give (average_context"
        if name == "effect" and not HEADS[self.head].has_frequency_bias and self.bias != "off":
            return f"{start}is a difference"
        if name != "frequency_bias":
            return ""
        if self.head == "causal":
            return f"{start}does not suit a head that has the frequencies inside"
        if self.bias == "only":
            return f"{start}does not suit model.frequency_bias only"
        return f"{start}changes nothing, since model.frequency_bias is {value}" if value == self.bias else ""


def trained() -> Iterator[Combination]:
    """Every combination without adjustments."""
    return map(Combination._make, product(HEADS, EDGE_LOSSES, AUGMENTATIONS, MODES, BIASES, [None]))


@cache
def pairwise() -> list[Combination]:
    """Allowed combinations that train the model, in which each two parts that may be combined occur together."""
    one_of_each = [None, *((name, ADJUSTED[name][0]) for name in ADJUSTMENTS), ("frequency_bias", "add")]
    allowed = {row: _pairs(row) for without in trained() if without.bias != "only"
               for adjustment in one_of_each if not (row := without._replace(adjustment=adjustment)).reasons}
    left, chosen = {pair for pairs in allowed.values() for pair in pairs}, []
    while left:
        wanted = min(left, key=repr)
        chosen.append(max((row for row, pairs in allowed.items() if wanted in pairs),
                          key=lambda row: len(allowed[row] & left)))
        left -= allowed[chosen[-1]]
    return chosen


def _pairs(row: Combination) -> frozenset[tuple[Any, ...]]:
    return frozenset(combinations(zip(row._fields, row, strict=True), 2))
