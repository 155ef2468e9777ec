"""Predictions that are lists of triplets, as arrays of pairs."""

from __future__ import annotations

import numpy as np

from sgg.structures import Prediction


def from_triplets(boxes: np.ndarray, labels: np.ndarray, label_scores: np.ndarray, triplets: np.ndarray,
                  scores: np.ndarray, num_predicates: int) -> Prediction:
    """The prediction that ranks triplets as a list does.

    boxes: [N, 4]. labels: [N] from 1. label_scores: [N]. triplets: [E, 3] subject, object (rows of `boxes`), predicate
    from 1. scores: [E] of the predicates; of a triplet that is listed twice the higher one counts. num_predicates: R,
    background included. A predicate that is not listed for its pair has score 0.
    """
    pairs, place = np.unique(triplets[:, :2], axis=0, return_inverse=True)
    of_pairs = np.zeros((len(pairs), num_predicates))
    np.maximum.at(of_pairs, (place.reshape(-1), triplets[:, 2]), scores)
    order = np.argsort(-of_pairs.max(axis=1, initial=0) * label_scores[pairs].prod(axis=1), kind="stable")
    return Prediction(boxes, labels, label_scores, pairs[order], of_pairs[order])


def nothing(num_predicates: int) -> Prediction:
    """The prediction of an image that a file does not have: no object, no relation."""
    return Prediction(np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0), np.empty((0, 2), np.int64),
                      np.empty((0, num_predicates)))
