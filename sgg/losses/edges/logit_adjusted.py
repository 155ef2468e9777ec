"""Training with adjusted logits, so that rare predicates need a larger margin (Menon et al., ICLR 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgg.losses.weighted_mean import PairLosses, WeightedMean
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.statistics import predicate_prior
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics


@EDGE_LOSSES.register
class LogitAdjusted(WeightedMean):
    """l = cross-entropy of (logit of predicate r + tau * log(frequency of r among the training relations)): equation 10
    of Menon et al. The background logit stays, as in the adjustment `logit_adjustment`. In evaluation logits are taken
    as they are."""

    kind: Annotated[Literal["logit-adjusted"], trains(mid_training=True)] = "logit-adjusted"
    """The prior of the predicates is added to the logits in training only."""
    tau: Annotated[float, Field(ge=-10, le=10), trains(mid_training=True)] = 1.0
    """The factor of the log frequency; 0: plain cross-entropy."""

    def pair_losses(self, statistics: Statistics) -> PairLosses:
        """The cross-entropies. A predicate that does not occur in training counts as if it occurred once."""
        import torch
        from torch.nn.functional import cross_entropy

        from sgg.losses.constants import Constant

        added = Constant(self.tau * torch.log(torch.from_numpy(predicate_prior(statistics))))

        def losses(logits: Tensor, predicates: Tensor) -> Tensor:
            return cross_entropy(logits + added.like(logits), predicates, reduction="none")

        return losses
