"""A generated map for the graphs of an encoded batch."""

from __future__ import annotations

from torch import Tensor

from sgg.gan import GAN
from sgg.systems.two_stage.encoding import Encoding


def generated_map(gan: GAN, encoding: Encoding, labels: Tensor, relations: Tensor, visual: Tensor | None) -> Tensor:
    """[B, channels, s, s] the map that the generator makes for the boxes of an encoding.

    labels: [N] of the objects. relations: [E, 4] image, subject, object, predicate. visual: [N, channels, 7, 7] the
    real features on which the generator is conditioned, if it is.
    """
    # Relative to the padded square, so that the layout puts an object where its box is pooled.
    extent = encoding.image_sizes.flip(1).repeat(1, 2)[encoding.image_index]
    return gan.generate(labels, encoding.boxes / extent, relations, encoding.image_index, visual,
                        len(encoding.image_sizes), encoding.largest)
