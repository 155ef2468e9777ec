"""The loss of T-CAR, which calibrates predicates by the triplets of training (Li et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, model_validator

from sgg.losses.cross_entropy import PairWeights
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLossFunction
from sgg.settings.marks import acts_with
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    from sgg.methods.derived import DerivedFile
    from sgg.methods.statistics import Statistics

    from .triplets import KnownTriplets


@EDGE_LOSSES.register
class TCAR(PairWeights):
    """scale * ((alpha * sum_FG ce / M_FG + beta * sum_BG ce / M_BG) / (alpha + beta) + calibration * cal), with ce the
    cross-entropy of (logit - w_t), and w_t the weight of triplet t, larger where it is rarer in training.

    cal = -log of the mean over pairs of the probability of all plausible unseen triplets, in a softmax of logits - w_t
    for seen and logits + 1 for other triplets. The classes of a pair are those that the head decides on. If a batch is
    processed in parts or on several processes, each part takes the log of its own mean. The parts are averaged,
    weighted by their numbers of pairs.
    """

    needs_triplets: ClassVar[bool] = True

    kind: Annotated[Literal["tcar"], trains(mid_training=True)] = "tcar"
    """Cross-entropy calibrated by triplets, and a term that keeps plausible unseen triplets probable."""
    background_weight: Annotated[NonNegativeFloat, trains(mid_training=True)] = 3.0
    """beta: the weight of background pairs."""
    calibration: Annotated[NonNegativeFloat, trains(mid_training=True)] = 0.01
    """lambda of the paper: the weight of the term for plausible unseen triplets."""
    plausible: Annotated[Literal["contexts", "network"], trains(mid_training=True)] = "contexts"
    """What says which unseen triplets are plausible. contexts: those of GraphN. network: a small network on word
    vectors, as in the paper, which is trained on the training triplets alone. It is made once for all trials."""
    min_context: Annotated[float, Field(ge=1), trains(mid_training=True), acts_with("plausible", "contexts")] = 2.0
    """An unseen triplet is plausible if training has (subject, predicate) and (predicate,
    object) at least so often each, with other classes at the third place. This is the alpha of GraphN."""
    network_rate: Annotated[Fraction, trains(mid_training=True), acts_with("plausible", "network")] = 0.85
    """The fraction of all triplets, seen ones too, whose score is too small."""
    most_frequent_is_unseen: Annotated[bool, trains(mid_training=True)] = False
    """Treat the most frequent triplets as unseen, as the published code does, since their weight is 0 like that of
    unseen ones."""

    @model_validator(mode="after")
    def _has_a_weight(self) -> TCAR:
        if not self.foreground_weight + self.background_weight:
            raise ValueError("kind tcar divides by the sum of foreground_weight and background_weight, got 0 and 0: "
                             "let one of them be positive")
        return self

    @property
    def needs_words(self) -> bool:
        """The network reads word vectors."""
        return self.plausible == "network"

    def derived(self, statistics: Statistics) -> list[DerivedFile]:
        """The network, if it is asked for."""
        if self.plausible == "contexts":
            return []
        from .network_training import plausibility_file

        return [plausibility_file(statistics)]

    def for_memory(self) -> TCAR:
        """With contexts, which need no network."""
        return self.model_copy(update={"plausible": "contexts"})

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The loss. Raises ValueError if training has no triplets."""
        from .calibration import Calibration

        return Calibration(self, self.triplets(statistics, "loss.kind tcar"))

    def triplets(self, statistics: Statistics, setting: str) -> KnownTriplets:
        """What is known of triplets, as these settings say. setting: what needs it, for a message. Raises ValueError if
        training has no triplets, or the data set more than a network can score."""
        from .triplets import ContextPlausibility, KnownTriplets, Plausibility, ScoredPlausibility, SeenTriplets

        arrays = (*statistics.triplets, statistics.num_classes, statistics.num_predicates)
        if not len(arrays[0]):
            raise ValueError(f"{setting} calibrates by the counts of training triplets, and the training images have "
                             f"none: use images with relations, or leave {setting} out")
        plausible: Plausibility
        if self.plausible == "contexts":
            plausible = ContextPlausibility.of(*arrays, self.min_context)
        else:
            (file,) = self.derived(statistics)
            plausible = ScoredPlausibility.of(statistics.derived(file)["scores"], self.network_rate)
        return KnownTriplets(SeenTriplets.of(*arrays), plausible, self.most_frequent_is_unseen)
