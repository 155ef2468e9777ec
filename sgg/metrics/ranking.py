"""The rank of the first hit of each relation in the list of predicted triplets.

Every recall of an image follows from one number per relation: the rank of its first hit. A rank is the number of better
triplets, so no whole list is sorted. Among equal scores the earlier row comes first, then the lower predicate.

Shapes are those of `sgg.metrics.matching`: E relations, P pairs and H hits of images that are matched together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sgg.metrics.checks import checked_arrays, checked_mode
from sgg.metrics.conventions import REFERENCE, Conventions
from sgg.metrics.matching import MatchedImages
from sgg.metrics.relation_nms import suppress
from sgg.metrics.reweight import reweight
from sgg.metrics.tally import run_starts
from sgg.structures import Array, Prediction, SceneGraph, to_numpy

MISSED = np.iinfo(np.int32).max
"""The rank of a relation without a hit."""


class Ranks(NamedTuple):
    """The rank of the first hit of each annotated relation, from 0; [E] int64 each.

    constrained: among one triplet per pair (its best predicate), in the order of `pairs`; MISSED without a hit.
    unconstrained: among all pairs x predicates by descending score; MISSED from `unconstrained_limit` on. given: as
    `constrained`, among the annotated pairs alone; MISSED for all relations in sgdet, where no pair is given. triplet:
    among the triplets on the pair of boxes of the relation; `missed_triplet_rank` without a hit.
    """

    constrained: np.ndarray
    unconstrained: np.ndarray
    given: np.ndarray
    triplet: np.ndarray


def matched_ranks(matched: MatchedImages, conventions: Conventions, weights: np.ndarray | None = None) -> Ranks:
    """Ranks of all relations of matched images. weights: [R] by which the predicate scores are divided."""
    predicate_scores = matched.predicate_scores
    if weights is not None:
        predicate_scores = reweight(predicate_scores, weights, conventions.reweight_background)
    scores = predicate_scores[:, 1:] * matched.pair_scores[:, None]
    hits = np.empty((4, len(matched.relation)), np.int64)
    if conventions.relation_nms:
        hits[:3] = _suppressed_ranks(matched, predicate_scores, conventions.unconstrained_limit)
    else:
        resort = weights is not None and conventions.resort_after_reweight
        hits[0], hits[2] = _constrained_ranks(matched, _is_best(matched, predicate_scores),
                                              _descending(matched, scores) if resort else None)
        hits[1] = _unconstrained_ranks(matched, scores, conventions.unconstrained_limit)
    hits[3] = _triplet_ranks(matched, scores)
    ranks = np.full((4, matched.num_relations), MISSED, np.int64)
    starts = run_starts(matched.relation)
    if len(starts):
        ranks[:, matched.relation[starts]] = np.minimum.reduceat(hits, starts, axis=1)
    ranks[3, ranks[3] == MISSED] = conventions.missed_triplet_rank
    return Ranks(*ranks)


def relation_ranks(truth: SceneGraph, prediction: Prediction, mode: str, weights: Array | None = None,
                   conventions: Conventions = REFERENCE) -> Ranks:
    """Ranks of all relations of one image. weights: [R], see `predicate_weights`.

    Raises ValueError for input that `SceneGraphMetrics.update` refuses.
    """
    matched = _matched_one(truth, prediction, mode, conventions)
    return matched_ranks(matched, conventions, None if weights is None else to_numpy(weights))


def ranked_hits(truth: SceneGraph, prediction: Prediction, mode: str, constrained: bool = False,
                conventions: Conventions = REFERENCE) -> np.ndarray:
    """[n, 2] the rank in the list of predicted triplets, and the relation, of every hit in one image; best rank first.

    Raises ValueError for input that `SceneGraphMetrics.update` refuses.
    """
    matched = _matched_one(truth, prediction, mode, conventions)
    if conventions.relation_nms:
        ranks = _suppressed_ranks(matched, matched.predicate_scores, conventions.unconstrained_limit)[1 - constrained]
    elif constrained:
        ranks, _ = _constrained_ranks(matched, _is_best(matched, matched.predicate_scores))
    else:
        scores = matched.predicate_scores[:, 1:] * matched.pair_scores[:, None]
        ranks = _unconstrained_ranks(matched, scores, conventions.unconstrained_limit)
    hits = np.stack([ranks, matched.relation], axis=1)[ranks != MISSED]
    return hits[np.lexsort((hits[:, 1], hits[:, 0]))]


def _matched_one(truth: SceneGraph, prediction: Prediction, mode: str, conventions: Conventions) -> MatchedImages:
    checked_mode(mode)
    return MatchedImages([checked_arrays(truth, prediction, mode, prediction.predicate_scores.shape[1], image=0)], mode,
                 conventions)


def _is_best(matched: MatchedImages, predicate_scores: np.ndarray) -> np.ndarray:
    """[H] whether the predicate of each hit is the best one of its pair."""
    return predicate_scores[matched.row, 1:].argmax(axis=1) == matched.predicate - 1


def _constrained_ranks(matched: MatchedImages, best: np.ndarray,
                       order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """[H] rank of each hit among one triplet per pair, and among the annotated pairs; MISSED where its predicate is not
    that of its pair.

    best: [H] whether it is. order: [P] the ranked order of the rows, image by image; None: the rows are ranked already.
    """
    place, given = matched.row, matched.given
    if order is not None:
        place, given = np.argsort(order)[matched.row], given[order]
    first = matched.pair_ptr[matched.image[matched.relation]]
    given_before = np.append(0, np.cumsum(given))
    return (np.where(best, place - first, MISSED),
            np.where(best & matched.given[matched.row], given_before[place] - given_before[first], MISSED))


def _descending(matched: MatchedImages, scores: np.ndarray) -> np.ndarray:
    """[P] the rows of each image by descending best score."""
    image = np.repeat(np.arange(len(matched.pair_ptr) - 1), np.diff(matched.pair_ptr))
    return np.lexsort((-scores.max(axis=1), image))


def _unconstrained_ranks(matched: MatchedImages, scores: np.ndarray, limit: int) -> np.ndarray:
    """[H] rank of each hit among all pairs x predicates of its image, from scores [P, R - 1]; MISSED from `limit` on.
    """
    image, columns = matched.image[matched.relation], scores.shape[1]
    values = scores[matched.row, matched.predicate - 1][:, None]
    width = min(limit, int(np.diff(matched.pair_ptr).max()) * columns)
    best = np.full((len(matched.pair_ptr) - 1, width), -1, scores.dtype)
    for number in np.unique(image).tolist():
        flat = scores[matched.pair_ptr[number]:matched.pair_ptr[number + 1]].reshape(-1)
        rest = max(flat.size - limit, 0)
        best[number, :flat.size - rest] = np.partition(flat, rest)[rest:]
    ranks = (best[image] > values).sum(axis=1)
    # `best` may hold only some of several equal scores; for these hits all triplets of the image are compared.
    tied = ((best[image] == values).sum(axis=1) > 1) | (values[:, 0] == best.min(axis=1, initial=2)[image])
    for hit in tied.nonzero()[0]:
        before = scores[matched.pair_ptr[image[hit]]:matched.row[hit] + 1].reshape(-1)
        ranks[hit] += np.count_nonzero(before[:before.size - columns + matched.predicate[hit] - 1] == values[hit])
    return np.where(ranks < limit, ranks, MISSED)


def _suppressed_ranks(matched: MatchedImages, predicate_scores: np.ndarray, limit: int) -> np.ndarray:
    """[3, H] rank of each hit after suppression: constrained, unconstrained, and among the annotated pairs."""
    order, predicates = [], []
    listed: dict[tuple[int, int], int] = {}
    starts = matched.pair_ptr[:-1]
    for first, image, of_image in zip(starts.tolist(), matched.images, np.split(predicate_scores, starts[1:]),
                                      strict=True):
        found = suppress(image, of_image)
        order.append(found.order + first)
        predicates.append(found.predicates)
        listed |= {(first + row, predicate): rank
                   for rank, (row, predicate) in enumerate(found.listed[:limit].tolist())}
    best = np.concatenate(predicates)[matched.row] == matched.predicate
    constrained, given = _constrained_ranks(matched, best, np.concatenate(order))
    hits = zip(matched.row.tolist(), matched.predicate.tolist(), strict=True)
    return np.stack([constrained, np.array([listed.get(hit, MISSED) for hit in hits], np.int64), given])


def _triplet_ranks(matched: MatchedImages, scores: np.ndarray) -> np.ndarray:
    """[H] rank of each hit among the triplets on the pair of boxes of its relation; MISSED where it is on another pair.
    """
    columns = np.arange(scores.shape[1])
    hits = matched.own_hits[matched.contest]
    row, column = matched.row[hits], matched.predicate[hits] - 1
    values, rivals = scores[row, column][:, None], scores[matched.rival]
    before = (matched.rival < row)[:, None] | ((matched.rival == row)[:, None] & (columns < column[:, None]))
    ahead = (rivals > values) | ((rivals == values) & before)
    ranks = np.full(len(matched.row), MISSED, np.int64)
    ranks[matched.own_hits] = np.bincount(matched.contest, ahead.sum(axis=1), minlength=len(matched.own_hits))
    return ranks
