"""The loss of T-CAR, which calibrates predicates by the triplets of training (Li et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, model_validator

from sgg.losses.cross_entropy import PairWeights
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLossFunction
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from sgg.methods.statistics import Statistics


@EDGE_LOSSES.register
class TCAR(PairWeights):
    """scale * ((alpha * sum_FG ce / M_FG + beta * sum_BG ce / M_BG) / (alpha + beta) + calibration * cal), with ce the
    cross-entropy of (logit - w_t), and w_t the weight of triplet t, larger where it is rarer in training.

    cal = -log of the mean over pairs of the probability of all plausible unseen triplets, in a softmax of logits - w_t
    for seen and logits + 1 for other triplets. The classes of a pair are those that the head decides on. If a batch is
    processed in parts or on several processes, each part takes the log of its own mean. The parts are averaged,
    weighted by their numbers of pairs.
    """

    kind: Annotated[Literal["tcar"], trains(mid_training=True)] = "tcar"
    """Cross-entropy calibrated by triplets, and a term that keeps plausible unseen triplets probable."""
    background_weight: Annotated[NonNegativeFloat, trains(mid_training=True)] = 3.0
    """beta: the weight of background pairs."""
    calibration: Annotated[NonNegativeFloat, trains(mid_training=True)] = 0.01
    """lambda of the paper: the weight of the term for plausible unseen triplets."""
    min_context: Annotated[float, Field(ge=1), trains(mid_training=True)] = 2.0
    """An unseen triplet is plausible if training has (subject, predicate) and (predicate, object) at least so often
    each, with other classes at the third place. These are the contexts of GraphN, whose alpha this is."""
    most_frequent_is_unseen: Annotated[bool, trains(mid_training=True)] = False
    """Treat the most frequent triplets as unseen, as the published code does, since their weight is 0 like that of
    unseen ones."""

    @model_validator(mode="after")
    def _has_a_weight(self) -> TCAR:
        if not self.foreground_weight + self.background_weight:
            raise ValueError("kind tcar divides by the sum of foreground_weight and background_weight, got 0 and 0: "
                             "let one of them be positive")
        return self

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The loss. Raises ValueError if training has no triplets."""
        from .calibration import Calibration
        from .triplets import ContextPlausibility, SeenTriplets

        arrays = (*statistics.triplets, statistics.num_classes, statistics.num_predicates)
        if not len(arrays[0]):
            raise ValueError("loss.kind tcar calibrates by the counts of training triplets, and the training images "
                             "have none: use images with relations, or another loss.kind")
        return Calibration(self, SeenTriplets.of(*arrays), ContextPlausibility.of(*arrays, self.min_context))
