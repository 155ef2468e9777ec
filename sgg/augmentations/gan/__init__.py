"""The GAN of Knyazev et al. (ICCV 2021, [2]): a generator makes features of graphs that nobody annotated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sgg.methods.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    AugmentationNeed,
    AugmentationParts,
    GeneratorTraining,
)
from sgg.methods.head import Mode
from sgg.perturbations.settings import Perturb
from sgg.settings.marks import ComputedDefault, Get, acts_unless, acts_with, data_defaults
from sgg.settings.roles import measures, trains
from sgg.settings.section import Distinct, Fraction, HomePath, Listed

Term = Literal["D", "G", "rec"]
SIZES = ("hidden_dim", "embedding_dim", "large_discriminator", "visual_conditioning")
"""The settings that decide the sizes of the networks, beside the detector and the data."""


def width_of_vectors(get: Get) -> int:
    """`embeddings.dim`."""
    return get("embeddings.dim")


@AUGMENTATIONS.register
class GANAugmentation(Augmentation):
    """Generator, discriminators and their updates ([2], docs/SYSTEM.md section 4)."""

    rates: ClassVar[tuple[str, ...]] = ("learning_rate_generator", "learning_rate_discriminator")
    generates: ClassVar[bool] = True
    modes: ClassVar[frozenset[Mode]] = frozenset({"sgcls", "predcls"})  # graphs are generated for annotated boxes

    kind: Annotated[Literal["gan"], trains(shared=True, tried=True)] = "gan"
    """A generator makes features of perturbed graphs, discriminators judge them."""
    terms: Annotated[list[Term], Listed, Distinct, Field(min_length=1), trains(mid_training=True)] = [  # noqa: RUF012
        "D", "G", "rec"]
    """The losses to use: D of the discriminators, G of the generator, rec of F on generated features."""
    generator: Annotated[Literal["trial", "shared"] | HomePath, trains(shared=True, tried=True)] = "trial"
    """The generator, with its discriminators, with which a trial begins. trial: a fresh one, as in the papers. shared:
    one that is trained before the trials, once for all that have the same data, detector and settings of the GAN (not
    `perturb`); the cache keeps it. A path: that of a checkpoint, or of the folder of a trial. The trial goes on
    training it unless it is `frozen`."""
    generator_epochs: Annotated[PositiveInt, trains(shared=True), acts_with("generator", "shared"),
                                data_defaults(toy=10)] = 20
    """Epochs of the training of a shared generator."""
    frozen: Annotated[bool, trains(), acts_unless("generator", "trial")] = False
    """Leave the trained generator as it is: a step of a trial updates neither G nor D. Their settings then act on the
    training of a shared one."""
    large_discriminator: Annotated[bool, trains()] = True
    """Add 1x1 convolutions to the global discriminator."""
    visual_conditioning: Annotated[bool, trains(shared=True)] = True
    """Condition the generator on a real feature of the same class."""
    reconstruct_above: Annotated[Fraction, trains(), acts_with("terms", "rec")] = 0.0
    """F learns from generated features as soon as the frozen detector has recognised this fraction of the generated
    objects in an epoch (`gate.py`). 0: from the first step on, as in the papers."""
    adversarial_updates: Annotated[PositiveInt, trains(mid_training=True), acts_with("terms", "D", "G")] = 1
    """Updates of G, and of D, on each batch; F learns from the features of the last one. The papers make one."""
    attach_generator: Annotated[bool, trains(mid_training=True), acts_with("terms", "rec")] = False
    """The reconstruction loss also trains the generator."""
    reconstruction_bias: Annotated[bool, trains(mid_training=True), acts_with("terms", "rec"),
                                   acts_with("model.frequency_bias", "add")] = False
    """Also add the frequency bias to the predicate logits of generated features. The papers add it on real features
    only."""
    init_embeddings: Annotated[bool, trains(tried=True)] = False
    """Start the generator's class embeddings from word vectors."""
    adversarial_weight: Annotated[PositiveFloat, trains(mid_training=True), acts_with("terms", "D", "G")] = 5.0
    """Weight of all adversarial losses."""
    hidden_dim: Annotated[PositiveInt, trains()] = 64
    """Width of the generator's graph convolutions."""
    embedding_dim: Annotated[PositiveInt, trains(tried=True), ComputedDefault(width_of_vectors)] = 200
    """Width of the generator's class embeddings."""
    learning_rate_generator: Annotated[PositiveFloat, trains(mid_training=True)] = 1e-4
    """Adam's learning rate for the generator."""
    learning_rate_discriminator: Annotated[PositiveFloat, trains(mid_training=True), acts_with("terms", "D")] = 4e-4
    """Adam's learning rate for the discriminators."""
    quality_every: Annotated[PositiveInt | None, measures()] = None
    """The number of epochs between measurements of generated features beside real ones, after the first epoch, so many
    after it, and the last (docs/METRICS.md); None: never. Training stays the same to the last bit."""
    quality_images: Annotated[PositiveInt, measures(), acts_unless("quality_every", None)] = 200
    """Features are generated for so many images of val, and compared with those of so many of train, at equal distances
    over each split."""
    perturb: Perturb = Perturb()

    @model_validator(mode="after")
    def _learns_or_is_frozen(self) -> GANAugmentation:
        if self.frozen and self.attach_generator:
            raise ValueError("attach_generator true trains a generator that frozen true leaves as it is: leave one out")
        if self.frozen and "rec" not in self.terms:
            raise ValueError("frozen true has no effect without the term rec, by which F learns from the generator: "
                             "add rec to augmentation.terms")
        return self

    @property
    def needs(self) -> frozenset[AugmentationNeed]:
        """Real features if the generator is conditioned on them; word vectors if classes are compared."""
        found: set[AugmentationNeed] = set()
        if self.visual_conditioning:
            found.add("features")
        if self.init_embeddings or self.perturb.compares_classes:
            found.add("class_vectors")
        return frozenset(found)

    def fault_of_classes(self, classes: int, data: str) -> str | None:
        """That of the perturbation."""
        return self.perturb.fault_of_classes(classes, data)

    @property
    def generator_source(self) -> Path | GeneratorTraining | None:
        """As `generator` says. A shared one is trained by D and G on the graphs as annotated."""
        if self.generator == "trial":
            return None
        if self.generator != "shared":
            return self.generator
        usual = {name: type(self).model_fields[name].default for name in (
            "generator", "generator_epochs", "frozen", "reconstruct_above", "attach_generator", "reconstruction_bias",
            "perturb")}
        return GeneratorTraining(self.generator_epochs, self.model_copy(update={**usual, "terms": ["D", "G"]}))

    def fault_of_generator(self, trained: Mapping[str, Any]) -> str | None:
        """Other sizes of networks."""
        others = [f"{name} {trained[name]}, not {getattr(self, name)}" for name in SIZES
                  if trained.get(name, getattr(self, name)) != getattr(self, name)]
        return f"was trained with augmentation.{', augmentation.'.join(others)}" if others else None

    def for_memory(self) -> GANAugmentation:
        """Without perturbation, which chooses labels on the host, and without weights or word vectors to start from."""
        return self.model_copy(update={"perturb": Perturb(), "init_embeddings": False, "generator": "trial"})

    def build(self, parts: AugmentationParts) -> Any:
        """Generator and discriminators for the detector's map, on its device."""
        from sgg.gan import GAN

        from .updates import GANAugmenter

        statistics = parts.statistics
        class_vectors, predicate_vectors = statistics.word_vectors if self.init_embeddings else (None, None)
        gan = GAN(statistics.num_classes, statistics.num_predicates, parts.channels, parts.map_size,
                  embedding=self.embedding_dim, hidden=self.hidden_dim,
                  large_discriminator=self.large_discriminator, visual_conditioning=self.visual_conditioning,
                  class_vectors=class_vectors, predicate_vectors=predicate_vectors).to(parts.device)
        if parts.generator is not None:
            parts.generator.load_weights(gan=gan)
        return GANAugmenter(gan, self, self.perturb.build(statistics), parts.features)
