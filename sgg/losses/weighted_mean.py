"""The common part of edge losses that are a weighted mean over pairs, whatever the loss of one pair is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from sgg.losses.cross_entropy import Density, PairWeights
from sgg.methods.edge_loss import EdgeContext, EdgeLossFunction
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics


class PairLosses(Protocol):
    """(logits [P, R], predicates [P] or soft ones [P, R]) -> losses [P]."""

    def __call__(self, logits: Tensor, predicates: Tensor) -> Tensor:
        """The loss of each pair."""


class WeightedMean(PairWeights):
    """scale * (alpha * sum_FG l + beta * sum_BG l) / D, with l the loss of a pair. D is M, the number of pairs, or
    M_FG."""

    divided_by: Annotated[Literal["pairs", "annotated"], trains(mid_training=True)] = "pairs"
    """D: the number of all pairs, as in baseline, or of annotated pairs (at least 1), as in dnorm."""

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The formula of the class; 0 where there is no pair."""
        pair_losses = self.pair_losses(statistics)

        def loss(logits: Tensor, predicates: Tensor, context: EdgeContext) -> Tensor:
            density = Density.of(predicates, context)
            pairs = density.num_foreground + density.num_background
            divisor = max(pairs if self.divided_by == "pairs" else density.num_foreground, 1)
            return self.scale * density.weighted(pair_losses(logits, predicates), self.foreground_weight / divisor,
                                                 self.background_weight / divisor)

        return loss

    def pair_losses(self, statistics: Statistics) -> PairLosses:
        """The function that gives the loss of each pair."""
        raise NotImplementedError
