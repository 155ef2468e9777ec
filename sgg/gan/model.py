"""The GAN: a generator of feature maps, and discriminators of nodes, edges and whole maps."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .discriminators import GlobalDiscriminator, RegionDiscriminator
from .generator import Generator

LEVELS = ("nodes", "edges", "global")


class GAN(nn.Module):
    """Generator and discriminators (docs/SYSTEM.md section 4; Knyazev et al. 2021).

    num_classes, num_predicates: C and R, both with background. channels, map_size, pool_size: sizes of the detector's
    map and of regions pooled from it. embedding, hidden: widths of the generator. large_discriminator: adds 1x1
    convolutions to the global discriminator. visual_conditioning: whether the generator also takes a real feature of
    the class of each object. levels: the discriminators to build. class_vectors [C, embedding], predicate_vectors [R,
    embedding]: the start of the generator's embeddings.

    The two optimisers train `generator.parameters()` and `discriminators.parameters()`; their order is that of the
    published optimiser states.

    Raises ValueError where a level is unknown or a size does not fit, for example the map of the global discriminator.
    """

    def __init__(self, num_classes: int, num_predicates: int, channels: int, map_size: int, *, pool_size: int = 7,
                 embedding: int = 200, hidden: int = 64, large_discriminator: bool = False,
                 visual_conditioning: bool = False, levels: Sequence[str] = LEVELS,
                 class_vectors: Tensor | None = None, predicate_vectors: Tensor | None = None):
        super().__init__()
        unknown = sorted(set(levels) - set(LEVELS))
        if unknown:
            raise ValueError(f"levels must be among {', '.join(LEVELS)}, got {', '.join(unknown)}")
        self.generator = Generator(num_classes, num_predicates, channels, map_size, pool_size=pool_size,
                                   embedding=embedding, hidden=hidden, visual_conditioning=visual_conditioning,
                                   class_vectors=class_vectors, predicate_vectors=predicate_vectors)
        self.discriminators = nn.ModuleDict()
        if "nodes" in levels:
            self.discriminators["nodes"] = RegionDiscriminator(channels, num_classes, pool_size)
        if "edges" in levels:
            self.discriminators["edges"] = RegionDiscriminator(channels, num_predicates, pool_size)
        if "global" in levels:
            self.discriminators["global"] = GlobalDiscriminator(channels, map_size, large=large_discriminator)

    def generate(self, labels: Tensor, boxes: Tensor, relations: Tensor, image_index: Tensor,
                 visual: Tensor | None = None, num_images: int | None = None, largest: int | None = None) -> Tensor:
        """The generated maps [B, D, s, s].

        labels [N], boxes [N, 4] in [0, 1], relations [E, 4] (image, subject, object, predicate), image_index [N].
        visual [N, D, p, p]: real features, with visual conditioning. num_images: B. largest: the most objects of an
        image. See `Generator`.
        """
        return self.generator(labels, boxes, relations, image_index, visual, num_images, largest)
