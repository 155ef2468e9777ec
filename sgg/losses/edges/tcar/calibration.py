"""The loss of T-CAR on the pairs of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sgg.losses.cross_entropy import Density
from sgg.methods.edge_loss import EdgeContext

from .triplets import KnownTriplets

if TYPE_CHECKING:
    from . import TCAR

EPSILON = 1e-5
"""A mean probability below this is raised by this before the logarithm."""


class Calibration:
    """The edge loss, with a term for the annotation and one for plausible unseen triplets: see `TCAR`."""

    def __init__(self, settings: TCAR, triplets: KnownTriplets) -> None:
        self._settings, self._triplets = settings, triplets

    def __call__(self, logits: Tensor, predicates: Tensor, context: EdgeContext) -> Tensor:
        """The loss of logits [P, R] and predicates [P] or soft ones [P, R]; 0 where P is 0."""
        known = self._triplets.at(context.subject_labels, context.object_labels)
        weights, density = known.weights.to(logits), Density.of(predicates, context)
        share = len(logits) / max(density.num_foreground + density.num_background, 1)
        return self._settings.scale * (
            self.annotated(logits - weights, predicates, density)
            + self._settings.calibration * share * unseen_loss(logits, weights, known.seen, known.plausible_unseen))

    def annotated(self, logits: Tensor, predicates: Tensor, density: Density) -> Tensor:
        """The mean cross-entropies of annotated and of background pairs, averaged with their weights. A missing part
        counts as 0."""
        foreground, background = self._settings.foreground_weight, self._settings.background_weight
        both = foreground + background
        return density.weighted(cross_entropy(logits, predicates, reduction="none"),
                                foreground / both / max(density.num_foreground, 1),
                                background / both / max(density.num_background, 1))


def unseen_loss(logits: Tensor, weights: Tensor, seen: Tensor, plausible: Tensor) -> Tensor:
    """-log of the mean over P pairs of the probability of their plausible triplets. All are [P, R].

    The softmax is over logits - weights for seen triplets and logits + 1 for the others, background and implausible
    ones among them.
    """
    probabilities = torch.where(seen, logits - weights, logits + 1).softmax(1)
    mean = (probabilities * plausible).sum() / max(len(logits), 1)
    return -torch.where(mean < EPSILON, mean + EPSILON, mean).log()
