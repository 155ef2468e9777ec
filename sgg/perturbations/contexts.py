"""Contexts: the classes that training has seen in each context, and how often.

A context is a triplet without one of its classes: (predicate, object) for a subject, (subject, predicate) for an
object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sgg.structures import Array, to_numpy

from .arrays import A


@dataclass(frozen=True, eq=False)
class Contexts:
    """The classes of every context and their counts, in compressed sparse rows.

    There is a row for every (predicate, object) and every (subject, predicate), see `rows`. Row r has the entries
    offsets[r] : offsets[r + 1] of `classes` and `counts`. Memory grows with the number of triplets (32 bytes each) and
    with C x R (16 bytes each), never with C x C x R: see `nbytes`.

    offsets [2 (R + 1) C + 1] int64, classes [2T] int64, counts [2T] float64, for T distinct triplets. num_classes,
    num_predicates: C and R, both with background.
    """

    offsets: np.ndarray
    classes: np.ndarray
    counts: np.ndarray
    num_classes: int
    num_predicates: int

    @classmethod
    def from_triplets(cls, triplets: Mapping[tuple[int, int, int], int], num_classes: int,
                      num_predicates: int | None = None) -> Contexts:
        """From {(subject class, predicate, object class): count of occurrences in training}.

        num_predicates: R, by default one more than the largest predicate. Raises ValueError for a class or predicate
        out of range, background included, or a count below 1, naming the triplet.
        """
        keys = np.array(list(triplets), dtype=np.int64).reshape(-1, 3)
        return cls.from_arrays(keys, np.array(list(triplets.values()), dtype=np.int64), num_classes, num_predicates)

    @classmethod
    def from_arrays(cls, triplets: Array, counts: Array, num_classes: int,
                    num_predicates: int | None = None) -> Contexts:
        """The contexts of triplets [T, 3], each once, and their counts [T]. Raises as `from_triplets`."""
        triplets, counts = to_numpy(triplets).astype(np.int64), to_numpy(counts).astype(np.float64)
        if num_predicates is None:
            num_predicates = int(triplets[:, 1].max(initial=0)) + 1
        upper = np.array([num_classes, num_predicates, num_classes])
        wrong = np.flatnonzero(((triplets < 1) | (triplets >= upper)).any(axis=1) | (counts < 1))
        if len(wrong):
            triplet, count = tuple(triplets[wrong[0]].tolist()), counts[wrong[0]]
            raise ValueError(f"triplet {triplet} with count {count:g}: classes must be in 1..{num_classes - 1}, "
                             f"predicates in 1..{num_predicates - 1}, counts at least 1")
        contexts = cls(np.empty(0), np.empty(0), np.empty(0), num_classes, num_predicates)
        subject, predicate, obj = triplets.T
        of_subject, of_object = contexts.rows(predicate)
        rows = np.concatenate([of_subject + obj, of_object + subject])
        order = np.argsort(rows, stable=True)
        sizes = np.bincount(rows, minlength=2 * (num_predicates + 1) * num_classes)
        return cls(np.concatenate([[0], np.cumsum(sizes)]), np.concatenate([subject, obj])[order],
                   np.tile(counts, 2)[order], num_classes, num_predicates)

    def rows(self, predicate: A) -> tuple[A, A]:
        """[E] the first row of the contexts of each predicate's subject, and [E] that of its object.

        The row of a context is this number plus the class at the other end. A predicate that training never saw has
        empty rows.
        """
        of_subject = predicate.clip(None, self.num_predicates) * self.num_classes
        return of_subject, of_subject + (self.num_predicates + 1) * self.num_classes

    @property
    def nbytes(self) -> int:
        """Memory of the tables in bytes."""
        return self.offsets.nbytes + self.classes.nbytes + self.counts.nbytes
