"""How often images are repeated, and which relations a repeated image keeps: rare predicates are seen more often, and
frequent ones less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sgg.data.annotations import Annotations


@dataclass(frozen=True)
class Resampling:
    """frequencies: [R] each predicate's fraction of the training relations. below: predicates with a smaller fraction
    count as rare; 0: nothing is repeated or dropped. drop: the largest fraction that is dropped."""

    frequencies: np.ndarray
    below: float
    drop: float

    def repeats(self, annotations: Annotations) -> np.ndarray:
        """[I] how often an epoch shows each image."""
        return self.of_images(annotations.image_of_relation, annotations.relations[:, 2], len(annotations))

    def of_images(self, images: np.ndarray, predicates: np.ndarray, count: int) -> np.ndarray:
        """[I] the whole part of the root of below / f, with f the fraction of the rarest predicate of an image; at
        least 1.

        images, predicates: [E] of the relations. count: I.
        """
        rarest = np.full(count, np.inf)
        np.minimum.at(rarest, images, self.frequencies[predicates])
        return np.sqrt(self.below / rarest).clip(min=1).astype(np.int64)

    def kept(self, relations: np.ndarray, images: int, uniform: np.ndarray) -> np.ndarray:
        """The rows of relations [E, 4] (image, subject, object, predicate) that stay, ascending.

        Of the n relations of a predicate in an image, max(1, int(n (1 - d))) are drawn with replacement. d = drop x (r
        - r_p) / r where that is positive, r_p = root(below / f_p), and r is the repeats of the image. uniform: [E]
        random numbers in [0, 1).
        """
        image, predicate = relations[:, 0], relations[:, 3]
        repeats = self.of_images(image, predicate, images)[image]
        own = np.sqrt(self.below / self.frequencies[predicate])
        dropped = (self.drop * (repeats - own) / repeats).clip(min=0)
        _, group = np.unique(image * len(self.frequencies) + predicate, return_inverse=True)
        order = np.argsort(group, kind="stable")
        sizes = np.bincount(group)
        first = np.cumsum(sizes) - sizes
        place = np.arange(len(order)) - first[group[order]]
        size = sizes[group[order]]
        draws = np.maximum(1, (size * (1 - dropped[order])).astype(np.int64))
        drawn = first[group[order]] + (uniform * size).astype(np.int64)
        return np.unique(order[drawn[place < draws]])
