"""Post-hoc logit adjustment: subtract the prior of the predicates from their logits (Menon et al., ICLR 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction
from sgg.methods.statistics import predicate_prior
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.edge_loss import EdgeContext
    from sgg.methods.statistics import Statistics

Tau = Annotated[float, Field(ge=-10, le=10)]


@ADJUSTMENTS.register
class LogitAdjustment(Adjustment):
    """logit of predicate r - tau * log(frequency of r among the training relations). The background logit stays."""

    kind: Annotated[Literal["logit_adjustment"], measures()] = "logit_adjustment"
    """Logits without the prior of the predicates."""
    values: Annotated[list[Tau], Listed, Distinct, Field(min_length=1), measures(swept=True)] = [0.0]
    """tau: the factor of the log frequency that is subtracted from each logit. Every value is evaluated on each trained
    model."""

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The adjustment. A predicate that does not occur in training counts as if it occurred once."""
        import torch

        log_prior = torch.log(torch.from_numpy(predicate_prior(statistics)))

        def adjust(logits: Tensor, context: EdgeContext, value: float) -> Tensor:
            return logits - value * log_prior.to(logits)

        return adjust
