"""Compositional feature augmentation (Li et al., ICCV 2023): features of real objects and relations are mixed into
others, so that rare predicates are seen in more compositions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from sgg.methods.augmentation import AUGMENTATIONS, Augmentation, AugmentationNeed, AugmentationParts
from sgg.perturbations.settings import Perturb
from sgg.settings.marks import acts_unless, acts_with
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    import numpy as np

    from sgg.methods.statistics import Statistics


@AUGMENTATIONS.register
class FeatureMixing(Augmentation):
    """A second update of F on each batch, after features of a bank of real relations have been mixed in
    (docs/SYSTEM.md section 5)."""

    generates: ClassVar[bool] = True

    kind: Annotated[Literal["feature_mixing"], trains(shared=True, tried=True)] = "feature_mixing"
    """Real features of relations with rare predicates are mixed into those of a batch."""
    share: Annotated[float, Field(gt=0, le=1), trains(mid_training=True)] = 0.5
    """lambda: the fraction of the bank's features, and of its predicate, in a mixed pair."""
    mixed_per_image: Annotated[NonNegativeInt | None, trains(mid_training=True)] = 16
    """Budget of background pairs an image into which a relation is mixed, over the batch; None: all into which one
    fits, as in the published code. Each reads three stored features, so this bounds what a step reads."""
    repeat_below: Annotated[NonNegativeFloat, trains(mid_training=True)] = 0.07
    """t: an epoch shows an image root(t / f) times, rounded down, with f the fraction of its rarest predicate among the
    training relations; at least once. 0: no image is repeated, and no relation dropped."""
    drop: Annotated[Fraction, trains(mid_training=True), acts_unless("repeat_below", 0)] = 0.7
    """The largest fraction of an image's relations with a frequent predicate that a step leaves out, more where the
    image is repeated more often; 0: none. Rare relations are mixed into dropped ones."""
    replacement: Annotated[Fraction, trains(mid_training=True), acts_unless("repeat_below", 0),
                           acts_with("augmentation.perturb.method", "off")] = 0.5
    """The largest probability that the subject, and the object, of a rare relation is replaced by that of another
    relation of the bank. Images that are not repeated have 0."""
    class_groups: Annotated[PositiveInt | None, trains(mid_training=True), acts_unless("repeat_below", 0),
                            acts_unless("replacement", 0), acts_with("augmentation.perturb.method", "off")] = None
    """An object is replaced only by one of its group of classes: the number of groups; None: a tenth of the number of
    classes, as the 15 of Visual Genome."""
    direction: Annotated[Literal["cosine", "published"], trains(mid_training=True)] = "cosine"
    """How the direction from object to subject is compared. published: the cosine times the square of the bank's
    distance in pixels, a slip, so that any acute angle passes."""
    min_cosine: Annotated[float, Field(ge=-1, le=1), trains(mid_training=True)] = 0.7
    """The least cosine between the directions of two pairs that are mixed."""
    examples: Annotated[PositiveInt, trains(shared=True)] = 100
    """The most relations of a triplet in the bank. 1 is what the published code has in effect for mixing."""
    contrast: Annotated[NonNegativeFloat, trains(mid_training=True), acts_unless("training.mode", "predcls")] = 0.1
    """Weight of the contrastive loss between the class logits of changed objects and their originals."""
    perturb: Perturb = Perturb()

    @property
    def needs(self) -> frozenset[AugmentationNeed]:
        """Real features of relations, with a perturbation those of objects too; word vectors if classes are compared.
        """
        found: set[AugmentationNeed] = {"relation_features"}
        if self.perturb.method != "off":
            found.add("features")
        if self.perturb.compares_classes or self.replaces_in_groups:
            found.add("class_vectors")
        return frozenset(found)

    @property
    def replaces_in_groups(self) -> bool:
        """Whether objects are replaced by others of their group of classes."""
        return self.perturb.method == "off" and bool(self.replacement and self.repeat_below)

    def fault_of_classes(self, classes: int, data: str) -> str | None:
        """That of the perturbation, or more groups than classes."""
        if self.class_groups is not None and self.class_groups > classes:
            return (f"class_groups must be at most {classes}, the number of classes of {data}, got "
                    f"{self.class_groups}")
        return self.perturb.fault_of_classes(classes, data)

    def stored_relations(self, triplets: np.ndarray, statistics: Statistics) -> np.ndarray:
        """The first `examples` relations of each triplet with a body or tail predicate."""
        from .bank import first_of_each
        from .groups import is_head

        kept: np.ndarray = ~is_head(statistics)[triplets[:, 1]] & first_of_each(triplets, self.examples)
        if not kept.any():
            raise ValueError("augmentation.kind feature_mixing mixes in relations with body and tail predicates, and "
                             "the training images have none: use data with more predicates, or another "
                             "augmentation.kind")
        return kept

    def for_memory(self) -> FeatureMixing:
        """Without perturbation and replacement, which compare classes."""
        return self.model_copy(update={"perturb": Perturb(), "replacement": 0.0})

    def build(self, parts: AugmentationParts) -> Any:
        """An augmenter that has no networks."""
        from .choice import Choice
        from .updates import FeatureMixer

        assert parts.relations is not None  # as asked for
        return FeatureMixer(Choice.of(self, parts.relations, parts.statistics), self, parts)
