"""The frequency bias after training: added to a model that was trained without it, or left out of one that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction, PredictedPairs
from sgg.methods.counterfactual import WITHOUT_BIAS, Trained
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed, Off

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics

Word = Annotated[Literal["trained", "off", "add"], Off]


@ADJUSTMENTS.register
class FrequencyBiasAfterTraining(Adjustment):
    """Predicate logits without the frequency bias that the model has, or with that of the training relations."""

    neutral: ClassVar[str] = "trained"

    kind: Annotated[Literal["frequency_bias"], measures()] = "frequency_bias"
    """The frequency bias at test."""
    values: Annotated[list[Word], Listed, Distinct, Field(min_length=1), measures(swept=True)] = ["trained"]
    """trained: the model as it was trained. off: without its frequency bias, if model.frequency_bias is add. add: with
    that of the training relations, not trained, if model.frequency_bias is off. Every value is evaluated on each
    trained model."""

    @classmethod
    def counterfactuals(cls, value: Any) -> frozenset[str]:
        """The logits of the head alone."""
        return frozenset({WITHOUT_BIAS} if value == "off" else ())

    @classmethod
    def fault(cls, value: Any, trained: Trained) -> str | None:
        """Where the value changes nothing, or the bias is no summand of the logits."""
        if trained.head.has_frequency_bias:
            return ("does not suit a head that has the frequencies inside, as one of its branches: leave this value "
                    "out, and measure causal effects (evaluation.effect)")
        if trained.frequency_bias == "only":
            return "does not suit model.frequency_bias only, since the scores are the bias: leave this value out"
        if value == trained.frequency_bias:
            return f"changes nothing, since model.frequency_bias is {value}: leave this value out"
        return None

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The adjustment. The frequencies are counted where a value adds them."""
        from sgg.models.frequency_bias import FrequencyBias, frequency_table

        made: list[FrequencyBias] = []

        def adjust(logits: Tensor, context: PredictedPairs, value: str) -> Tensor:
            if value == "off":
                return context.instead_of_plain(logits, context.counterfactuals[WITHOUT_BIAS])
            if not made:
                made.append(FrequencyBias(frequency_table(*statistics.pair_counts)))
            bias = made[0].to(logits.device)(context.subject_labels, context.object_labels)
            return logits + bias.detach().to(logits.dtype)

        return adjust
