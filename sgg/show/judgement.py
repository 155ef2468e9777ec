"""Which predicted triplets of an image hit an annotated relation, by the matching of recall (`sgg.metrics`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sgg.metrics import Conventions, ranked_hits
from sgg.metrics.checks import checked_arrays
from sgg.structures import Prediction, SceneGraph


class JudgedTriplet(NamedTuple):
    """A predicted triplet: subject and object (rows of the predicted boxes), predicate, score of the triplet and of its
    predicate, and whether it hits a relation."""

    subject: int
    object: int
    predicate: int
    score: float
    predicate_score: float
    hit: bool


class JudgedRelation(NamedTuple):
    """An annotated relation: subject and object (rows of the annotated boxes), predicate, and the rank from 0 of the
    first triplet that hits it; None where none of the best K does."""

    subject: int
    object: int
    predicate: int
    rank: int | None


@dataclass(frozen=True)
class Judgement:
    """The K best triplets of an image, best first, and its annotated relations."""

    triplets: list[JudgedTriplet]
    relations: list[JudgedRelation]

    @property
    def found(self) -> int:
        """The number of relations that are hit."""
        return sum(relation.rank is not None for relation in self.relations)

    @property
    def recall(self) -> float:
        """The fraction of relations that are hit: R@K of this image, or ngR@K; NaN without a relation."""
        return self.found / len(self.relations) if self.relations else float("nan")


def judge(truth: SceneGraph, prediction: Prediction, mode: str, k: int, constrained: bool = True) -> Judgement:
    """The `k` best triplets of an image and its relations. constrained: one predicate for each pair, as in R@K; else
    as in ngR@K, which has 300 triplets at most.

    Raises ValueError for a `k` below 1, and for input that `SceneGraphMetrics.update` refuses.
    """
    if k < 1:
        raise ValueError(f"the number of best triplets must be at least 1, got {k}")
    truth, prediction = truth.numpy(), prediction.numpy()
    hits = np.empty((0, 2), np.int64)
    if len(truth.relations):
        hits = ranked_hits(truth, prediction, mode, constrained)
        hits = hits[hits[:, 0] < k]
    triplets = _ranked(truth, prediction, mode, k, constrained)
    hitting = set(hits[:, 0].tolist())
    first: dict[int, int] = {}
    for rank, relation in hits.tolist():
        first.setdefault(relation, rank)
    relations = [JudgedRelation(subject, other, predicate, first.get(number))
                 for number, (subject, other, predicate) in enumerate(truth.relations.tolist())]
    return Judgement([JudgedTriplet(*one, rank in hitting) for rank, one in enumerate(triplets)], relations)


def _ranked(truth: SceneGraph, prediction: Prediction, mode: str, k: int,
            constrained: bool) -> list[tuple[int, int, int, float, float]]:
    """Subject, object, predicate and scores of the `k` best triplets, in the order in which recall ranks them."""
    arrays = checked_arrays(truth, prediction, mode, prediction.predicate_scores.shape[1], image=0)
    first, second = arrays.pairs.T
    predicates = arrays.predicate_scores[:, 1:]
    scores = predicates * (arrays.label_scores[first] * arrays.label_scores[second])[:, None]
    if constrained:
        rows = np.arange(min(k, len(first)))
        columns = predicates[rows].argmax(axis=1)
    else:
        best = np.argsort(-scores, axis=None, kind="stable")[:min(k, Conventions().unconstrained_limit)]
        rows, columns = np.divmod(best, predicates.shape[1])
    return [(int(first[row]), int(second[row]), int(column) + 1, float(scores[row, column]),
             float(predicates[row, column])) for row, column in zip(rows, columns, strict=True)]
