"""The rank of the first hit of each relation in the list of predicted triplets.

Every recall of an image follows from one number per relation: the rank of its first hit. A rank is the number of better
triplets, so no whole list is sorted. Among equal scores the earlier row comes first, then the lower predicate.

Shapes are those of `sgg.metrics.matching`: E relations, P pairs and H hits of a block of images.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sgg.metrics.checks import checked_arrays, checked_mode
from sgg.metrics.conventions import REFERENCE, Conventions
from sgg.metrics.matching import Block
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


def block_ranks(block: Block, conventions: Conventions, weights: np.ndarray | None = None) -> Ranks:
    """Ranks of all relations of a block. weights: [R] by which the predicate scores are divided."""
    predicate_scores = block.predicate_scores
    if weights is not None:
        predicate_scores = reweight(predicate_scores, weights, conventions.reweight_background)
    scores = predicate_scores[:, 1:] * block.pair_scores[:, None]
    resort = weights is not None and conventions.resort_after_reweight
    hits = np.empty((4, len(block.relation)), np.int64)
    hits[0], hits[2] = _constrained_ranks(block, predicate_scores, _descending(block, scores) if resort else None)
    hits[1] = _unconstrained_ranks(block, scores, conventions.unconstrained_limit)
    hits[3] = _triplet_ranks(block, scores)
    ranks = np.full((4, block.num_relations), MISSED, np.int64)
    starts = run_starts(block.relation)
    if len(starts):
        ranks[:, block.relation[starts]] = np.minimum.reduceat(hits, starts, axis=1)
    ranks[3, ranks[3] == MISSED] = conventions.missed_triplet_rank
    return Ranks(*ranks)


def relation_ranks(truth: SceneGraph, prediction: Prediction, mode: str, weights: Array | None = None,
                   conventions: Conventions = REFERENCE) -> Ranks:
    """Ranks of all relations of one image. weights: [R], see `predicate_weights`.

    Raises ValueError for input that `SceneGraphMetrics.update` refuses.
    """
    block = _block_of_one(truth, prediction, mode, conventions)
    return block_ranks(block, conventions, None if weights is None else to_numpy(weights))


def ranked_hits(truth: SceneGraph, prediction: Prediction, mode: str, constrained: bool = False,
                conventions: Conventions = REFERENCE) -> np.ndarray:
    """[n, 2] the rank in the list of predicted triplets, and the relation, of every hit in one image; best rank first.

    Raises ValueError for input that `SceneGraphMetrics.update` refuses.
    """
    block = _block_of_one(truth, prediction, mode, conventions)
    if constrained:
        ranks, _ = _constrained_ranks(block, block.predicate_scores)
    else:
        scores = block.predicate_scores[:, 1:] * block.pair_scores[:, None]
        ranks = _unconstrained_ranks(block, scores, conventions.unconstrained_limit)
    hits = np.stack([ranks, block.relation], axis=1)[ranks != MISSED]
    return hits[np.lexsort((hits[:, 1], hits[:, 0]))]


def _block_of_one(truth: SceneGraph, prediction: Prediction, mode: str, conventions: Conventions) -> Block:
    checked_mode(mode)
    return Block([checked_arrays(truth, prediction, mode, prediction.predicate_scores.shape[1], image=0)], mode,
                 conventions)


def _constrained_ranks(block: Block, predicate_scores: np.ndarray,
                       order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """[H] rank of each hit among one triplet per pair, and among the annotated pairs; MISSED where its predicate is not
    the best.

    order: [P] the ranked order of the rows, image by image; None: the rows are ranked already.
    """
    place, given = block.row, block.given
    if order is not None:
        place, given = np.argsort(order)[block.row], given[order]
    first = block.pair_ptr[block.image[block.relation]]
    given_before = np.append(0, np.cumsum(given))
    best = predicate_scores[block.row, 1:].argmax(axis=1) == block.predicate - 1
    return (np.where(best, place - first, MISSED),
            np.where(best & block.given[block.row], given_before[place] - given_before[first], MISSED))


def _descending(block: Block, scores: np.ndarray) -> np.ndarray:
    """[P] the rows of each image by descending best score."""
    image = np.repeat(np.arange(len(block.pair_ptr) - 1), np.diff(block.pair_ptr))
    return np.lexsort((-scores.max(axis=1), image))


def _unconstrained_ranks(block: Block, scores: np.ndarray, limit: int) -> np.ndarray:
    """[H] rank of each hit among all pairs x predicates of its image, from scores [P, R - 1]; MISSED from `limit` on.
    """
    image, columns = block.image[block.relation], scores.shape[1]
    values = scores[block.row, block.predicate - 1][:, None]
    width = min(limit, int(np.diff(block.pair_ptr).max()) * columns)
    best = np.full((len(block.pair_ptr) - 1, width), -1, scores.dtype)
    for number in np.unique(image).tolist():
        flat = scores[block.pair_ptr[number]:block.pair_ptr[number + 1]].reshape(-1)
        rest = max(flat.size - limit, 0)
        best[number, :flat.size - rest] = np.partition(flat, rest)[rest:]
    ranks = (best[image] > values).sum(axis=1)
    # `best` may hold only some of several equal scores; for these hits all triplets of the image are compared.
    tied = ((best[image] == values).sum(axis=1) > 1) | (values[:, 0] == best.min(axis=1, initial=2)[image])
    for hit in tied.nonzero()[0]:
        before = scores[block.pair_ptr[image[hit]]:block.row[hit] + 1].reshape(-1)
        ranks[hit] += np.count_nonzero(before[:before.size - columns + block.predicate[hit] - 1] == values[hit])
    return np.where(ranks < limit, ranks, MISSED)


def _triplet_ranks(block: Block, scores: np.ndarray) -> np.ndarray:
    """[H] rank of each hit among the triplets on the pair of boxes of its relation; MISSED where it is on another pair.
    """
    columns = np.arange(scores.shape[1])
    row, column = block.row[block.own_hits][block.contest], block.predicate[block.own_hits][block.contest] - 1
    values, rivals = scores[row, column][:, None], scores[block.rival]
    before = (block.rival < row)[:, None] | ((block.rival == row)[:, None] & (columns < column[:, None]))
    ahead = (rivals > values) | ((rivals == values) & before)
    ranks = np.full(len(block.row), MISSED, np.int64)
    ranks[block.own_hits] = np.bincount(block.contest, ahead.sum(axis=1), minlength=len(block.own_hits))
    return ranks
