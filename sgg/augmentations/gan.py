"""The GAN of Knyazev et al. (ICCV 2021): features of graphs that nobody annotated, made by a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sgg.methods.augmentation import AugmentationNeed, AugmentationParts

if TYPE_CHECKING:
    from sgg.config.schema import GAN as GANSettings
    from sgg.gan.perturb import Perturber


@dataclass(frozen=True)
class GANAugmentation:
    """The entry of the settings `gan`."""

    settings: GANSettings

    @property
    def needs(self) -> frozenset[AugmentationNeed]:
        """Real features where the generator is conditioned on them; word vectors where classes are compared."""
        found: set[AugmentationNeed] = set()
        if self.settings.visual_conditioning:
            found.add("features")
        if self.settings.init_embeddings or self.settings.perturb.method in ("neigh", "graphn"):
            found.add("class_vectors")
        return frozenset(found)

    def build(self, parts: AugmentationParts) -> Any:
        """Generator and discriminators for the detector's map, on its device."""
        from sgg.gan import GAN

        from .gan_updates import GANAugmenter

        settings, statistics = self.settings, parts.statistics
        vectors = {}
        if settings.init_embeddings:
            classes, predicates = statistics.word_vectors
            vectors = {"class_vectors": classes, "predicate_vectors": predicates}
        gan = GAN(statistics.num_classes, statistics.num_predicates, parts.channels, parts.map_size,
                  embedding=settings.embedding_dim, hidden=settings.hidden_dim,
                  large_discriminator=settings.large_discriminator, visual_conditioning=settings.visual_conditioning,
                  **vectors).to(parts.device)
        return GANAugmenter(gan, settings, self._perturber(parts), parts.features)

    def _perturber(self, parts: AugmentationParts) -> Perturber | None:
        """What changes node labels before the generator sees them; None where nothing does."""
        from sgg.gan.perturb import Contexts, Perturber

        settings, statistics = self.settings.perturb, parts.statistics
        if settings.method == "off":
            return None
        contexts = Contexts.from_arrays(*statistics.triplets, statistics.num_classes, statistics.num_predicates)
        return Perturber(settings.method, contexts, statistics.word_vectors[0], settings.intensity, settings.topk,
                         settings.alpha, settings.uniform, settings.degree_smoothing)
