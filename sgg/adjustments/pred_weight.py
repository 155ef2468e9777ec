"""Predicate scores divided by a power of the predicates' frequency (docs/SYSTEM.md section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sgg.config.roles import measures
from sgg.config.section import Distinct, Listed
from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.edge_loss import EdgeContext
    from sgg.methods.statistics import Statistics

Exponent = Annotated[float, Field(ge=0, le=10)]


@ADJUSTMENTS.register
class PredWeight(Adjustment):
    """Favours rare predicates. `sgg.metrics` divides the scores itself, by the weights that it is given."""

    in_metrics: ClassVar[bool] = True

    kind: Annotated[Literal["pred_weight"], measures()] = "pred_weight"
    """Predicate re-weighting."""
    values: Annotated[list[Exponent], Listed, Distinct, Field(min_length=1), measures(swept=True)] = [0.0]
    """Exponents of the predicate re-weighting; every value is evaluated on each trained model."""

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The same on logits, where a quotient of scores is a difference."""
        import torch

        from sgg.metrics import predicate_weights

        log_weights = torch.from_numpy(predicate_weights(*statistics.pair_counts, 1)).log()
        log_weights[0] = 0  # the background's score is not divided

        def adjust(logits: Tensor, context: EdgeContext, value: float) -> Tensor:
            return logits - value * log_weights.to(logits)

        return adjust
