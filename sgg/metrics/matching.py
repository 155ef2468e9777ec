"""Which predicted triplets stand for which annotated relations, and how far down the list the first one is.

A predicted triplet (a row of `pairs` with a predicate) hits a relation when subject class, predicate and object class
agree and both boxes overlap by IoU >= .5. Every recall of an image follows from one number a relation: the rank of
its first hit. Ranks need no sorting: they are counts of the better triplets. Among equal scores the earlier row comes
first, then the lower predicate.

Shapes as in `sgg.structures`; H hits, Q the predicted triplets on a relation's own pair of boxes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sgg.metrics.checks import ImageArrays, check_mode, checked_arrays
from sgg.metrics.conventions import REFERENCE, Conventions
from sgg.metrics.reweight import reweight
from sgg.metrics.tally import run_starts
from sgg.structures import Array, Prediction, SceneGraph, to_numpy

MISSED = np.iinfo(np.int32).max  # the rank of a relation without a hit
MIN_IOU = np.float32(0.5)
TINY = np.finfo(np.float32).tiny


def box_iou(boxes1: Array, boxes2: Array) -> np.ndarray:
    """Intersection over union of every box of one set with every box of another.

    boxes1: [N, 4], boxes2: [M, 4] x1, y1, x2, y2 in continuous coordinates (a box is x2 - x1 wide, no +1).
    Returns [N, M] float32; 0 where both boxes are empty.
    """
    corners1 = to_numpy(boxes1).astype(np.float32, copy=False).T[:, :, None]
    corners2 = to_numpy(boxes2).astype(np.float32, copy=False).T[:, None, :]
    extent = np.minimum(corners1[2:], corners2[2:]) - np.maximum(corners1[:2], corners2[:2])
    width, height = np.maximum(extent, 0, out=extent)
    intersection = width * height
    (width1, height1), (width2, height2) = corners1[2:] - corners1[:2], corners2[2:] - corners2[:2]
    union = width1 * height1 + width2 * height2 - intersection
    return intersection / np.maximum(union, TINY)


class Ranks(NamedTuple):
    """Rank of each annotated relation's first hit, counted from 0; [E] int64 each.

    constrained: among one triplet a pair (its best predicate), in the order of `pairs`; MISSED without a hit.
    unconstrained: among all pairs x predicates by descending score; MISSED from `unconstrained_limit` on.
    given: as `constrained`, among the annotated pairs alone; MISSED throughout in sgdet, where none is given.
    triplet: among the triplets on the relation's own pair of boxes; `missed_triplet_rank` without a hit.
    """

    constrained: np.ndarray
    unconstrained: np.ndarray
    given: np.ndarray
    triplet: np.ndarray


class ImageMatching:
    """The hits among all pairs x predicates of an image, and their ranks under any scores of those pairs.

    relation, row, predicate, position: [H] the relation a hit stands for, its pair, its predicate and its place in
    the flattened [P, R - 1] scores; in the order of the relations.
    """

    def __init__(self, arrays: ImageArrays, mode: str, conventions: Conventions) -> None:
        self.conventions = conventions
        self.num_relations = len(arrays.relations)
        subjects, objects, predicates = arrays.relations.T
        first, second = arrays.pairs.T
        self.pair_scores = (arrays.label_scores[first] * arrays.label_scores[second])[:, None]
        overlap = box_iou(arrays.truth_boxes, arrays.boxes) >= MIN_IOU
        alike = overlap & (arrays.truth_labels[:, None] == arrays.labels)
        self.relation, self.row = _meeting(alike, subjects, objects, first, second).nonzero()
        self.found = run_starts(self.relation)
        self.predicate = predicates[self.relation]
        columns = arrays.predicate_scores.shape[1] - 1
        self.position = self.row * columns + self.predicate - 1

        numbers = max(len(arrays.truth_boxes), len(arrays.boxes))
        pairs, own = first * numbers + second, subjects * numbers + objects
        same_pair = own[:, None] == pairs
        self.given = same_pair.any(axis=0) if mode != "sgdet" else np.zeros(len(pairs), bool)
        self.given_before = np.where(self.given, np.cumsum(self.given) - 1, MISSED)[self.row]
        if conventions.triplet_pairs_by_boxes:
            own = _meeting(overlap, subjects, objects, first, second)
            backwards = _meeting(overlap, objects, subjects, first, second)
        else:
            own, backwards = same_pair, (objects * numbers + subjects)[:, None] == pairs
        if conventions.triplet_both_directions:
            own = own | backwards
        self.own_hits = own[self.relation, self.row].nonzero()[0]
        # every hit on the relation's own pair, beside every row that it competes with there
        self.contest, self.rivals = own[self.relation[self.own_hits]].nonzero()
        self.rival_positions = self.rivals[:, None] * columns + np.arange(columns)

    def ranks(self, predicate_scores: np.ndarray, reweighted: bool = False) -> np.ndarray:
        """[4, E] in the order of `Ranks`, for these scores [P, R]; reweighted: the pairs were ordered by others."""
        scores = predicate_scores[:, 1:] * self.pair_scores
        of_hits = np.empty((4, len(self.row)), np.int64)
        of_hits[0], of_hits[2] = self.constrained_ranks(predicate_scores, scores, reweighted)
        of_hits[1] = self.unconstrained_ranks(scores)
        of_hits[3] = self.triplet_ranks(scores)
        ranks = np.full((4, self.num_relations), MISSED, np.int64)
        if len(self.found):
            ranks[:, self.relation[self.found]] = np.minimum.reduceat(of_hits, self.found, axis=1)
        triplet = ranks[3]
        triplet[triplet == MISSED] = self.conventions.missed_triplet_rank
        return ranks

    def constrained_ranks(self, predicate_scores: np.ndarray, scores: np.ndarray,
                          reweighted: bool) -> tuple[np.ndarray, np.ndarray]:
        """[H] rank of each hit among one triplet a pair, and among the annotated pairs; MISSED where not the best."""
        place, given_before = self.row, self.given_before
        if reweighted and self.conventions.resort_after_reweight:
            order = np.argsort(-scores.max(axis=1), kind="stable")
            place = np.argsort(order)[self.row]
            given_before = np.where(self.given[self.row], np.cumsum(self.given[order])[place] - 1, MISSED)
        best = predicate_scores[self.row, 1:].argmax(axis=1) == self.predicate - 1
        return np.where(best, place, MISSED), np.where(best, given_before, MISSED)

    def unconstrained_ranks(self, scores: np.ndarray) -> np.ndarray:
        """[H] rank of each hit among all pairs x predicates, scores [P, R - 1]; MISSED beyond the limit."""
        if not len(self.row):
            return np.empty(0, np.int64)
        flat = scores.reshape(-1)
        values = flat[self.position]
        rest = max(flat.size - self.conventions.unconstrained_limit, 0)
        best = np.sort(np.partition(flat, rest)[rest:]) if rest else np.sort(flat)
        not_above = np.searchsorted(best, values, side="right")
        ranks = best.size - not_above
        tied = (values == best[0]) | (not_above - np.searchsorted(best, values) > 1)
        for hit in tied.nonzero()[0]:
            ranks[hit] += np.count_nonzero(flat[:self.position[hit]] == values[hit])
        return np.where(ranks < self.conventions.unconstrained_limit, ranks, MISSED)

    def triplet_ranks(self, scores: np.ndarray) -> np.ndarray:
        """[H] rank of each hit among the triplets on its relation's own pair; MISSED where it is on another pair."""
        positions = self.position[self.own_hits]
        values, rivals = scores.reshape(-1)[positions][self.contest, None], scores[self.rivals]
        ahead = (rivals > values) | ((rivals == values) & (self.rival_positions < positions[self.contest, None]))
        ranks = np.full(len(self.row), MISSED, np.int64)
        ranks[self.own_hits] = np.bincount(self.contest, ahead.sum(axis=1), minlength=len(self.own_hits))
        return ranks


def relation_ranks(truth: SceneGraph, prediction: Prediction, mode: str, weights: Array | None = None,
                   conventions: Conventions = REFERENCE) -> Ranks:
    """Rank of each relation's first hit in one image; weights: [R], see `predicate_weights`.

    Raises ValueError for the input that `SceneGraphMetrics.update` refuses.
    """
    matching, scores = _match(truth, prediction, mode, conventions)
    if weights is None:
        return Ranks(*matching.ranks(scores))
    return Ranks(*matching.ranks(reweight(scores, weights, conventions.reweight_background), reweighted=True))


def ranked_hits(truth: SceneGraph, prediction: Prediction, mode: str, constrained: bool = False,
                conventions: Conventions = REFERENCE) -> np.ndarray:
    """[n, 2] rank in the list of predicted triplets and relation of every hit in one image, best rank first.

    Raises ValueError for the input that `SceneGraphMetrics.update` refuses.
    """
    matching, predicate_scores = _match(truth, prediction, mode, conventions)
    scores = predicate_scores[:, 1:] * matching.pair_scores
    if constrained:
        ranks, _ = matching.constrained_ranks(predicate_scores, scores, reweighted=False)
    else:
        ranks = matching.unconstrained_ranks(scores)
    hits = np.stack([ranks, matching.relation], axis=1)[ranks != MISSED]
    return hits[np.lexsort((hits[:, 1], hits[:, 0]))]


def _match(truth: SceneGraph, prediction: Prediction, mode: str,
           conventions: Conventions) -> tuple[ImageMatching, np.ndarray]:
    check_mode(mode)
    arrays = checked_arrays(truth, prediction, mode, prediction.predicate_scores.shape[1], image=0)
    return ImageMatching(arrays, mode, conventions), arrays.predicate_scores


def _meeting(meets: np.ndarray, subjects: np.ndarray, objects: np.ndarray, first: np.ndarray,
             second: np.ndarray) -> np.ndarray:
    """[E, P] whether a pair's boxes meet the relation's subject and object, given which boxes meet which [N, N]."""
    return meets[subjects].take(first, axis=1) & meets[objects].take(second, axis=1)
