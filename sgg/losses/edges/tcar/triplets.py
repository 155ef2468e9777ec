"""What T-CAR knows of triplets: the weights of those that training has, and which of the others are plausible. Both are
looked up for the pairs of a batch, so memory grows with the number of triplets and with C x R. Only the scores of the
network take C x C x R."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from sgg.losses.constants import Constant


class SeenTriplets:
    """The weights of the training triplets: log(n_max / n_t) * sum n / sum(n * log(n_max / n)), with n_t the count of
    triplet t. Their mean over training relations is 1. The most frequent triplet has 0; where all counts are equal all
    weights are 0.

    keys [K] int64, ascending: see `_keys`. weights [K] float64. num_classes, num_predicates: C and R, with background.
    """

    def __init__(self, keys: np.ndarray, weights: np.ndarray, num_classes: int, num_predicates: int) -> None:
        self._seen, self._weights = Constant(torch.from_numpy(keys)), Constant(torch.from_numpy(weights))
        self._num_classes, self._num_predicates = num_classes, num_predicates

    @classmethod
    def of(cls, triplets: np.ndarray, counts: np.ndarray, num_classes: int, num_predicates: int) -> SeenTriplets:
        """From different triplets [K, 3] (subject, predicate, object) and their counts [K]; K is at least 1."""
        subjects, predicates, objects = triplets.astype(np.int64).T
        keys = (subjects * num_classes + objects) * num_predicates + predicates
        counts = counts.astype(np.float64)
        rarity = np.log(counts.max() / counts)
        total = (counts * rarity).sum()
        weights = rarity * counts.sum() / total if total else rarity
        order = np.argsort(keys)
        return cls(keys[order], weights[order], num_classes, num_predicates)

    def at(self, subjects: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
        """[P, R] weights, float64, 0 where not seen; and [P, R] whether seen, for pairs of classes [P] and [P]."""
        device = subjects.device
        predicates = torch.arange(self._num_predicates, device=device)
        keys = (subjects * self._num_classes + objects)[:, None] * self._num_predicates + predicates
        known = self._seen.on(device)
        places = torch.searchsorted(known, keys).clamp(max=len(known) - 1)
        seen = known[places] == keys
        return self._weights.on(device)[places] * seen, seen


class OfPairs(NamedTuple):
    """What is known of the triplets of P pairs of classes, [P, R] each: their weights (float64), whether they count as
    seen, and whether they are plausible without being seen."""

    weights: Tensor
    seen: Tensor
    plausible_unseen: Tensor


class KnownTriplets:
    """All that T-CAR knows of triplets. most_frequent_is_unseen: triplets without a weight count as unseen."""

    def __init__(self, seen: SeenTriplets, plausible: Plausibility, most_frequent_is_unseen: bool = False) -> None:
        self._seen, self._plausible, self._weight_decides = seen, plausible, most_frequent_is_unseen

    def at(self, subjects: Tensor, objects: Tensor) -> OfPairs:
        """Of the triplets of pairs of classes [P] and [P]."""
        weights, seen = self._seen.at(subjects, objects)
        if self._weight_decides:
            seen = weights > 0
        return OfPairs(weights, seen, ~seen & self._plausible(subjects, objects))


class Plausibility(Protocol):
    """(subject classes [P], object classes [P]) -> [P, R] whether each triplet is plausible, seen or not."""

    def __call__(self, subjects: Tensor, objects: Tensor) -> Tensor:
        """Never true for the background."""


class ScoredPlausibility:
    """A triplet is plausible if its score is among the larger ones. plausible: [C, C, R] by subject, object, predicate.
    """

    def __init__(self, plausible: np.ndarray) -> None:
        self._plausible = Constant(torch.from_numpy(plausible))

    @classmethod
    def of(cls, scores: np.ndarray, rate: float) -> ScoredPlausibility:
        """From scores [C, C, R], which are 0 for the background. rate: the fraction of the other triplets whose scores
        are too small."""
        return cls((scores > 0) & (scores >= threshold(scores, rate)))

    def __call__(self, subjects: Tensor, objects: Tensor) -> Tensor:
        """[P, R]."""
        return self._plausible.on(subjects.device)[subjects, objects]


def threshold(scores: np.ndarray, rate: float) -> float:
    """The least score of a plausible triplet: that at the fraction `rate` of all scores but 0, in ascending order."""
    ascending = np.sort(scores[scores > 0])
    return float(ascending[int((len(ascending) - 1) * rate)])


class ContextPlausibility:
    """A triplet is plausible if training has (subject, predicate) and (predicate, object) often enough: the contexts of
    GraphN ([2], section 3.2).

    of_subject, of_object [C, R]: whether a class occurs often enough as subject, and as object, of each predicate.
    """

    def __init__(self, of_subject: np.ndarray, of_object: np.ndarray) -> None:
        self._of_subject = Constant(torch.from_numpy(of_subject))
        self._of_object = Constant(torch.from_numpy(of_object))

    @classmethod
    def of(cls, triplets: np.ndarray, counts: np.ndarray, num_classes: int, num_predicates: int,
           least: float) -> ContextPlausibility:
        """From triplets [K, 3] and their counts [K]. least: the number of training relations that is enough."""
        enough = []
        for end in (0, 2):
            found = np.zeros((num_classes, num_predicates))
            np.add.at(found, (triplets[:, end], triplets[:, 1]), counts)
            found[0], found[:, 0] = 0, 0
            enough.append(found >= least)
        return cls(*enough)

    def __call__(self, subjects: Tensor, objects: Tensor) -> Tensor:
        """[P, R]. An unseen triplet adds nothing to its own contexts, so all of their relations are with others."""
        return self._of_subject.on(subjects.device)[subjects] & self._of_object.on(objects.device)[objects]
