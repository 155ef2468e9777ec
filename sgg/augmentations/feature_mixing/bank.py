"""The bank: annotated relations of the training images, found by two of their three classes and by their direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Ends = tuple[np.ndarray, np.ndarray]
"""Two classes of each of M queries."""


@dataclass(frozen=True)
class Direction:
    """Whether two pairs lie in the same direction. Vectors are from the centre of the object to that of the subject.

    least: the least cosine. published: the published code's slip compares |v|^2 times the cosine, with v in pixels.
    """

    least: float = 0.7
    published: bool = False

    def agrees(self, own: np.ndarray, banked: np.ndarray) -> np.ndarray:
        """[T] bool for vectors [T, 2] of pairs of the batch, and [T, 2] of the bank."""
        product = (own * banked).sum(1)
        length, banked_length = np.linalg.norm(own, axis=1), np.linalg.norm(banked, axis=1)
        if self.published:
            return product * banked_length > self.least * length
        return product > self.least * length * banked_length


class Bank:
    """Relations of some predicates.

    triplets: [K, 3] subject class, predicate, object class. vectors: [K, 2] from object to subject. relations: [K] the
    number of each at the source of its features. classes: C, or any larger number.
    """

    def __init__(self, triplets: np.ndarray, vectors: np.ndarray, relations: np.ndarray, direction: Direction,
                 classes: int) -> None:
        self.triplets, self.relations = triplets, relations
        self._vectors, self._direction, self._classes = vectors, direction, classes
        subjects, predicates, objects = triplets.T
        self._of_pair = _Rows(self._key(subjects, objects))
        self._of_object = _Rows(self._key(predicates, objects))
        self._of_subject = _Rows(self._key(predicates, subjects))

    def for_pairs(self, ends: Ends, vectors: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """[M] for pairs of the subject and object classes `ends` [M] each, a row of the bank with the same classes and
        direction, all equally likely; -1 where none fits.

        vectors: [M, 2] of the pairs. uniform: [M] random numbers in [0, 1).
        """
        query, rows = self._of_pair.of(self._key(*ends))
        return self._drawn(query, rows, vectors, uniform)

    def for_ends(self, role: int, known: Ends, classes: np.ndarray, groups: np.ndarray, vectors: np.ndarray,
                 uniform: np.ndarray) -> np.ndarray:
        """[M] rows that may replace the subject (role 0) or the object (role 1) of relations; -1 where none fits.

        known: [M] the predicate and [M] the class of the other end, which must be equal. classes: [M] of the objects
        to replace. groups: [C] the group of each class; a replacing class is of the same group.
        """
        query, rows = (self._of_object, self._of_subject)[role].of(self._key(*known))
        related = groups[self.triplets[rows, 2 * role]] == groups[classes[query]]
        return self._drawn(query[related], rows[related], vectors, uniform)

    def _drawn(self, query: np.ndarray, rows: np.ndarray, vectors: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        fits = self._direction.agrees(vectors[query], self._vectors[rows])
        query, rows = query[fits], rows[fits]
        counts = np.bincount(query, minlength=len(uniform))
        places = np.cumsum(counts) - counts + (uniform * counts).astype(np.int64)
        return np.where(counts > 0, np.append(rows, -1)[np.minimum(places, len(rows))], -1)

    def _key(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return one.astype(np.int64) * self._classes + other


class _Rows:
    """The rows of a table with each key. keys: [K] of the rows."""

    def __init__(self, keys: np.ndarray) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def of(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[T] the place in `wanted` [M], and [T] the row, of all rows with wanted keys: grouped by place, in the order
        of the table."""
        first = np.searchsorted(self._keys, wanted)
        counts = np.searchsorted(self._keys, wanted, side="right") - first
        before = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(first - before, counts)
        return np.repeat(np.arange(len(wanted)), counts), self._order[places]


def occurrences(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[K] how often each key [K] occurs before, and [K] how often after."""
    order = np.argsort(keys, kind="stable")
    ordered, rank = keys[order], np.arange(len(keys))
    before, after = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    before[order] = rank - np.searchsorted(ordered, ordered)
    after[order] = np.searchsorted(ordered, ordered, side="right") - 1 - rank
    return before, after


def first_of_each(rows: np.ndarray, most: int) -> np.ndarray:
    """[K] bool: whether each of rows [K, n] is among the first `most` that are equal."""
    _, keys = np.unique(rows, axis=0, return_inverse=True)
    return occurrences(keys.reshape(-1))[0] < most
