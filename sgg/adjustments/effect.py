"""Causal effects of the context on predicates (Tang et al., CVPR 2020), from the counterfactual logits of a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction, PredictedPairs
from sgg.methods.counterfactual import AVERAGE_CONTEXT, AVERAGE_CONTEXT_AND_CLASSES, EXPECTED_CLASSES, Trained
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics

Word = Literal["none", "tde", "nie", "te"]
DIFFERENCES = {"tde": (EXPECTED_CLASSES, AVERAGE_CONTEXT), "nie": (AVERAGE_CONTEXT, AVERAGE_CONTEXT_AND_CLASSES),
               "te": (EXPECTED_CLASSES, AVERAGE_CONTEXT_AND_CLASSES)}
"""The two counterfactual logits of which each effect is the difference."""


@ADJUSTMENTS.register
class Effect(Adjustment):
    """A difference of two counterfactual logits in place of the plain ones (docs/SYSTEM.md section 2, "Causal
    effects"). The background's logit is a difference, too."""

    neutral: ClassVar[str] = "none"
    part: ClassVar[str] = "context branch"

    kind: Annotated[Literal["effect"], measures()] = "effect"
    """Causal effects of the context."""
    values: Annotated[list[Word], Listed, Distinct, Field(min_length=1), measures(swept=True)] = ["none"]
    """The scores of a trained model whose head has a context branch (causal). none: plain ones. tde (total direct
    effect): what the true context adds to an average one. nie (natural indirect effect): what the true classes add to
    those that follow from an average context. te (total effect): the sum of both. Every value is evaluated on each
    trained model, and all of them cost one pass."""

    @classmethod
    def counterfactuals(cls, value: Any) -> frozenset[str]:
        """Both logits of the difference."""
        return frozenset(DIFFERENCES.get(value, ()))

    @classmethod
    def fault(cls, value: Any, trained: Trained) -> str | None:
        """Where the model adds a frequency bias: a difference is without it."""
        head = trained.head
        if trained.frequency_bias == "off" or head.has_frequency_bias or not cls.counterfactuals(
                value) <= head.counterfactuals:
            return None
        return ("is a difference of the head's own logits, in which the frequency bias cancels out: use "
                "model.frequency_bias off, or leave this value out")

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The adjustment; it needs no statistics."""
        def adjust(logits: Tensor, context: PredictedPairs, value: str) -> Tensor:
            minuend, subtrahend = (context.counterfactuals[name] for name in DIFFERENCES[value])
            return context.instead_of_plain(logits, minuend - subtrahend)

        return adjust
