"""Logits without the prior of the predicates (Menon et al., ICLR 2021: post-hoc logit adjustment)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.edge_loss import EdgeContext
    from sgg.methods.statistics import Statistics

Tau = Annotated[float, Field(ge=-10, le=10)]


@ADJUSTMENTS.register
class LogitAdjustment(Adjustment):
    """logit of predicate r - tau * log(share of r among the training relations). The background stays."""

    kind: Annotated[Literal["logit_adjustment"], measures()] = "logit_adjustment"
    """Logits without the prior of the predicates."""
    values: Annotated[list[Tau], Listed, Distinct, Field(min_length=1), measures(swept=True)] = [0.0]
    """tau: how much of the logarithm of each predicate's share in training is taken from its logit; every value is
    evaluated on each trained model."""

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """A predicate that training does not have counts as if it had been there once."""
        import torch

        counts = torch.as_tensor(statistics.pair_counts[0].sum((0, 1)), dtype=torch.float64).clamp(min=1)
        counts[0] = 1  # is not read
        log_share = torch.log(counts / counts[1:].sum())
        log_share[0] = 0

        def adjust(logits: Tensor, context: EdgeContext, value: float) -> Tensor:
            return logits - value * log_share.to(logits)

        return adjust
