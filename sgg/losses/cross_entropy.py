"""The common part of the edge losses (docs/SYSTEM.md section 3): losses of annotated and of background pairs, each with
a weight, divided by numbers of pairs (Knyazev et al., BMVC 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import NonNegativeFloat

from sgg.methods.edge_loss import EdgeContext, EdgeLoss, EdgeLossFunction
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Density:
    """How many of P pairs have a relation.

    foreground, background [P]: the fraction of each pair that has a relation, and the fraction that has none; they add
    up to 1. num_foreground, num_background: M_FG and M_BG, their sums over the whole batch that contains these pairs.
    """

    foreground: Tensor
    background: Tensor
    num_foreground: float
    num_background: float

    @classmethod
    def of(cls, predicates: Tensor, context: EdgeContext) -> Density:
        """The density of predicates [P], or of soft predicates [P, R], whose background is their column 0."""
        background = predicates[:, 0] if predicates.dim() == 2 else predicates == 0
        foreground = 1 - background if predicates.dim() == 2 else predicates > 0
        counts = [float(known if known is not None else fractions.sum()) for known, fractions in (
            (context.num_foreground, foreground), (context.num_background, background))]
        return cls(foreground, background, *counts)

    def weighted(self, losses: Tensor, foreground: float, background: float) -> Tensor:
        """The sum of losses [P]; pairs with a relation count `foreground` times, pairs without one `background` times.
        """
        of_foreground, of_background = self.foreground.to(losses.dtype), self.background.to(losses.dtype)
        return ((of_foreground * foreground + of_background * background) * losses).sum()


class PairWeights(EdgeLoss):
    """The settings that all these losses have."""

    foreground_weight: Annotated[NonNegativeFloat, trains(mid_training=True)] = 1.0
    """alpha: the weight of annotated pairs."""
    background_weight: Annotated[NonNegativeFloat, trains(mid_training=True)] = 1.0
    """beta: the weight of background pairs."""
    scale: Annotated[NonNegativeFloat, trains(mid_training=True)] = 1.0
    """gamma: multiplies the edge loss."""


class CrossEntropy(PairWeights):
    """A loss of logits and predicates alone."""

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The loss; it needs no statistics."""
        def loss(logits: Tensor, predicates: Tensor, context: EdgeContext) -> Tensor:
            return self.of(logits, predicates, Density.of(predicates, context))

        return loss

    def of(self, logits: Tensor, predicates: Tensor, density: Density) -> Tensor:
        """The loss of logits [P, R] and predicates [P] or [P, R]; 0 where P is 0."""
        raise NotImplementedError
