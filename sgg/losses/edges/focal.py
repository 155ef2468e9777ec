"""The focal loss, in which pairs that are already right count less (Lin et al., ICCV 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import NonNegativeFloat

from sgg.losses.weighted_mean import PairLosses, WeightedMean
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics


@EDGE_LOSSES.register
class Focal(WeightedMean):
    """l = (1 - p)^focusing * -log p, with p the softmax probability of the predicate. For a soft predicate l is the sum
    over predicates, each times its fraction. Lin et al. use a sigmoid per class, their alpha is `foreground_weight` to
    `background_weight`, and they divide by the number of annotated boxes (`divided_by: annotated`)."""

    kind: Annotated[Literal["focal"], trains(mid_training=True)] = "focal"
    """Cross-entropy that falls faster where the model is sure and right."""
    focusing: Annotated[NonNegativeFloat, trains(mid_training=True)] = 2.0
    """The exponent, gamma of the paper; 0: plain cross-entropy."""

    def pair_losses(self, statistics: Statistics) -> PairLosses:
        """The formula of the class; it needs no statistics."""
        import torch

        def losses(logits: Tensor, predicates: Tensor) -> Tensor:
            log_p, fractions = logits.log_softmax(1), predicates
            if predicates.dim() == 1:
                log_p, fractions = log_p.gather(1, predicates[:, None]), torch.ones_like(log_p[:, :1])
            # Not exactly 0: the gradient of 0^focusing is infinite for an exponent below 1.
            missing = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny)
            return -(fractions * missing ** self.focusing * log_p).sum(1)

        return losses
