"""Counts over annotations: triplets, their contexts, and relations and pairs by classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sgg.data import boxes as box_math
from sgg.data.annotations import Annotations

_BITS = 20  # bits of a class in a key; three classes fit into an int64


def _keys(triplets: np.ndarray) -> np.ndarray:
    subjects, predicates, objects = np.asarray(triplets, dtype=np.int64).reshape(-1, 3).T
    return (subjects << 2 * _BITS) | (predicates << _BITS) | objects


@dataclass(frozen=True, eq=False)
class TripletCounts:
    """The number of occurrences of each triplet.

    triplets: [K, 3] int64 subject class, predicate, object class; distinct, in ascending order. counts: [K] int64, >=
    1.
    """

    triplets: np.ndarray
    counts: np.ndarray

    @classmethod
    def from_triplets(cls, triplets: np.ndarray) -> TripletCounts:
        """Count `triplets` [U, 3]."""
        keys, counts = np.unique(_keys(triplets), return_counts=True)
        low = (1 << _BITS) - 1
        return cls(np.stack([keys >> 2 * _BITS, (keys >> _BITS) & low, keys & low], axis=1), counts)

    def __len__(self) -> int:
        return len(self.counts)

    def of(self, triplets: np.ndarray) -> np.ndarray:
        """[U] int64 the count of each of `triplets` [U, 3]; 0 if it does not occur."""
        wanted, present = _keys(triplets), _keys(self.triplets)
        if not len(present):
            return np.zeros(len(wanted), dtype=np.int64)
        place = np.searchsorted(present, wanted).clip(max=len(present) - 1)
        return np.where(present[place] == wanted, self.counts[place], 0)

    def as_dict(self) -> dict[tuple[int, int, int], int]:
        """The counts as a dictionary {(subject, predicate, object): count}."""
        return {tuple(triplet): count for triplet, count in zip(self.triplets.tolist(), self.counts.tolist(),
                                                                strict=True)}

    def subject_predicate(self) -> np.ndarray:
        """[K', 2] the distinct (subject, predicate) contexts."""
        return np.unique(self.triplets[:, :2], axis=0)

    def predicate_object(self) -> np.ndarray:
        """[K', 2] the distinct (predicate, object) contexts."""
        return np.unique(self.triplets[:, 1:], axis=0)


def foreground_counts(annotations: Annotations, num_classes: int, num_predicates: int) -> np.ndarray:
    """[C, C, R] int64: the number of relations by subject class, object class and predicate; duplicates count."""
    subjects, predicates, objects = annotations.triplets.T
    shape = (num_classes, num_classes, num_predicates)
    flat = np.ravel_multi_index((subjects, objects, predicates), shape)
    return np.bincount(flat, minlength=np.prod(shape)).reshape(shape)


def background_counts(annotations: Annotations, num_classes: int, must_overlap: bool = True) -> np.ndarray:
    """[C, C] int64: the number of ordered pairs of distinct objects by their classes, including annotated pairs.

    must_overlap: count only pairs whose boxes overlap; for an image without such a pair, count all its pairs.
    """
    counts = np.zeros(num_classes * num_classes, dtype=np.int64)
    for boxes, labels in _images_of_one_size(annotations):
        size = labels.shape[1]
        pairs = np.broadcast_to(~np.eye(size, dtype=bool), (len(labels), size, size))
        if must_overlap:
            overlapping = pairs & box_math.overlap(boxes[:, :, None], boxes[:, None, :])
            pairs = np.where(overlapping.any(axis=(1, 2), keepdims=True), overlapping, pairs)
        classes = labels[:, :, None] * num_classes + labels[:, None, :]
        counts += np.bincount(classes[pairs], minlength=len(counts))
    return counts.reshape(num_classes, num_classes)


def _images_of_one_size(annotations: Annotations,
                        pairs_at_once: int = 1 << 20) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield boxes [n, N, 4] and labels [n, N] of images with the same number N of objects, which fit into one array."""
    sizes = annotations.objects_per_image
    for size in np.unique(sizes[sizes > 0]):
        images = np.flatnonzero(sizes == size)
        for start in range(0, len(images), step := max(1, pairs_at_once // size**2)):
            rows = annotations.box_ptr[images[start:start + step], None] + np.arange(size)
            yield annotations.boxes[rows], annotations.labels[rows]
