"""Non-maximum suppression of relations, an option of T-CAR's evaluator (`Conventions.relation_nms`).

Two pairs of an image are alike if their subjects have one class, their objects have one class, and both boxes overlap.
Alike pairs cannot both have the same predicate. docs/SYSTEM.md section 6 has the rules.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sgg.metrics.checks import ImageArrays

MIN_IOU, MIN_MASS = 0.5, 0.7
CANDIDATES, KEPT = 1000, 100
"""Of so many best triplets of the list without graph constraint, so many stay."""


class Suppressed(NamedTuple):
    """The triplets of an image after suppression.

    order: [P] the pairs from the first to the last one that got a predicate. predicates: [P] the predicate of each pair
    with graph constraint; 0 for none. listed: [n, 2] pairs and predicates of the list without graph constraint, best
    first.
    """

    order: np.ndarray
    predicates: np.ndarray
    listed: np.ndarray


def suppress(image: ImageArrays, predicate_scores: np.ndarray) -> Suppressed:
    """Suppress the relations of an image. predicate_scores: [P, R], those of the image or others for its pairs."""
    pairs, alike = image.pairs, Alike(image.boxes, image.labels, image.pairs)
    scores = predicate_scores * (image.label_scores[pairs[:, 0]] * image.label_scores[pairs[:, 1]])[:, None]
    return Suppressed(*_constrained(alike, predicate_scores, scores.copy()), _unconstrained(alike, scores[:, 1:]))


class Alike:
    """Which pairs of an image are alike. boxes: [N, 4], labels: [N], pairs: [P, 2]."""

    def __init__(self, boxes: np.ndarray, labels: np.ndarray, pairs: np.ndarray) -> None:
        self._iou, self._pairs = pixel_iou(boxes), pairs
        ends = labels[pairs]
        codes = ends[:, 0] * (int(labels.max(initial=0)) + 1) + ends[:, 1]
        _, self._group = np.unique(codes, return_inverse=True)
        order = np.argsort(self._group, kind="stable")
        self._groups = np.split(order, np.cumsum(np.bincount(self._group))[:-1])

    def to(self, pair: int) -> np.ndarray:
        """The pairs that are alike to a pair, itself among them."""
        others = self._groups[self._group[pair]]
        (subject, object_), ends = self._pairs[pair], self._pairs[others]
        overlap = np.minimum(self._iou[subject, ends[:, 0]], self._iou[object_, ends[:, 1]])
        return others[overlap >= MIN_IOU]


def pixel_iou(boxes: np.ndarray) -> np.ndarray:
    """[N, N] the IoU of boxes [N, 4], where a box from 3 to 5 is 3 pixels wide."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    sides = np.minimum(high, boxes[None, :, 2:]) - np.maximum(low, boxes[None, :, :2]) + 1
    shared = sides.clip(min=0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    return shared / (area[:, None] + area[None] - shared)


def _constrained(alike: Alike, predicate_scores: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of pairs, and their predicates. scores: [P, R] of triplets; they are changed.

    P times the largest score gives its predicate to its pair, unless the pair has one. Then alike pairs that are likely
    related have no more score for this predicate, and the pair has none at all. As with the objects of the reference,
    the former also lifts scores of pairs that are done. So pairs without any score left may keep no predicate.
    """
    scores[:, 0] = 0
    best, squares = scores.max(1, initial=-1), predicate_scores[:, 1:] ** 2
    order, predicates = [], np.zeros(len(scores), np.int64)
    for _ in range(len(scores)):
        pair = int(best.argmax())
        predicate = int(scores[pair].argmax())
        if predicate and not predicates[pair]:
            order.append(pair)
            predicates[pair] = predicate
        rivals = alike.to(pair)
        rivals = rivals[np.sqrt(squares[rivals] + squares[pair]).sum(1) > MIN_MASS]
        scores[rivals, predicate] = 0
        scores[pair] = -1
        best[rivals] = scores[rivals].max(1)
        best[pair] = -1
    found = np.array(order, np.int64)
    return np.concatenate([found, np.setdiff1d(np.arange(len(scores)), found)]), predicates


def _unconstrained(alike: Alike, scores: np.ndarray) -> np.ndarray:
    """[n, 2] the best triplets without those that an alike pair has with a larger score. scores: [P, R - 1]."""
    flat = scores.reshape(-1)
    known = np.arange(flat.size)
    if flat.size > CANDIDATES:
        known = np.flatnonzero(flat >= np.partition(flat, flat.size - CANDIDATES)[flat.size - CANDIDATES])
    best = known[np.argsort(-flat[known], kind="stable")][:CANDIDATES]
    kept: list[tuple[int, int]] = []
    taken: set[tuple[int, int]] = set()
    for pair, column in zip(*(part.tolist() for part in np.divmod(best, max(scores.shape[1], 1))), strict=True):
        if len(kept) == KEPT:
            break
        if (pair, column) not in taken:
            kept.append((pair, column + 1))
            taken.update((other, column) for other in alike.to(pair).tolist())
    return np.array(kept, np.int64).reshape(-1, 2)
