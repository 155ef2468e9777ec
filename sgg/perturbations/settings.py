"""The settings of scene-graph perturbations, a section of each augmentation that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, model_validator

from sgg.settings.marks import acts_unless, acts_with
from sgg.settings.roles import trains
from sgg.settings.section import Off, Section

if TYPE_CHECKING:
    from sgg.methods.statistics import Statistics

    from .perturber import Perturber


class Perturb(Section):
    """Scene-graph perturbations ([2], docs/SYSTEM.md section 5)."""

    method: Annotated[Literal["off", "rand", "neigh", "graphn"], Off,
                      trains(mid_training=True, shared=True, tried=True)] = "off"
    """The method that chooses a new label."""
    intensity: Annotated[float, Field(gt=0, le=1), trains(mid_training=True),
                         acts_unless("method", "off")] = 0.2
    """L: the fraction of an image's nodes that get a new label."""
    topk: Annotated[int, Field(ge=0), trains(mid_training=True, tried=True),
                    acts_with("method", "neigh", "graphn")] = 5
    """The number of nearest classes from which a new label is drawn."""
    alpha: Annotated[float, Field(ge=1), trains(mid_training=True), acts_with("method", "graphn")] = 2
    """The least number of times that training must have seen a class in a context. It is not the loss weight
    alpha of [1]."""
    uniform: Annotated[bool, trains(mid_training=True), acts_unless("method", "off")] = False
    """Draw nodes uniformly instead of by their degree."""
    degree_smoothing: Annotated[NonNegativeFloat, trains(mid_training=True), acts_unless("method", "off"),
                                acts_with("uniform", False)] = 1.0
    """Nodes are drawn in proportion to their degree to this power."""
    min_support: Annotated[NonNegativeInt, trains(mid_training=True), acts_unless("method", "off")] = 0
    """A new label must have been seen so often in training in every role of the node: as subject, or as object, of the
    predicate of each of its relations. 1: (subject, predicate) and (predicate, object) of every perturbed triplet occur
    in training. 0: any label, as in the papers."""

    @model_validator(mode="after")
    def _has_neighbours(self) -> Perturb:
        if self.method == "neigh" and self.topk == 0:
            raise ValueError("method neigh needs topk >= 1, got 0")
        return self

    @property
    def compares_classes(self) -> bool:
        """Whether it needs word vectors of classes."""
        return self.method in ("neigh", "graphn")

    def fault_of_classes(self, classes: int, data: str) -> str | None:
        """A message if `topk` is larger than the number of classes that can be neighbours, see
        `Augmentation.fault_of_classes`."""
        # GraphN leaves out two classes: the drawn one and the original. The other methods leave out the original.
        most = max(0, classes - 1 - (self.method == "graphn"))
        if self.compares_classes and self.topk > most:
            return (f"perturb.topk must be at most {most} for {self.method} with the {classes} classes of {data}, "
                    f"got {self.topk}")
        return None

    def build(self, statistics: Statistics) -> Perturber | None:
        """The perturber; None without perturbation. statistics: counts and vectors of the training data."""
        if self.method == "off":
            return None
        from .contexts import Contexts
        from .perturber import Perturber

        contexts = Contexts.from_arrays(*statistics.triplets, statistics.num_classes, statistics.num_predicates)
        return Perturber(self.method, contexts, statistics.word_vectors[0], self.intensity, self.topk, self.alpha,
                         self.uniform, self.degree_smoothing, min_support=self.min_support)
