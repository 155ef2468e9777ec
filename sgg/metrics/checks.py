"""Checks of annotations and predictions that would give meaningless metrics; fast enough to run on every image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sgg.methods.head import Mode
from sgg.metrics.triplet import MAX_CLASSES
from sgg.structures import Array, Prediction, SceneGraph, to_numpy

MODES: tuple[Mode, ...] = ("predcls", "sgcls", "sgdet")
ROUNDING = 1e-5
"""The rounding error by which a float32 probability may exceed 1."""


def checked_mode(mode: str) -> Mode:
    """The mode. Raises ValueError unless it is one of MODES."""
    for known in MODES:
        if mode == known:
            return known
    raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")


class ImageArrays(NamedTuple):
    """The parts of an annotation and a prediction that `mode` uses: int64 indices, float32 boxes, float32 or float64
    scores.

    Shapes are those of `SceneGraph` and `Prediction`. In predcls and sgcls the predicted boxes are the annotated ones;
    in predcls so are the labels, and their scores are 1.
    """

    truth_boxes: np.ndarray
    truth_labels: np.ndarray
    relations: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    label_scores: np.ndarray
    pairs: np.ndarray
    predicate_scores: np.ndarray


def checked_arrays(truth: SceneGraph, prediction: Prediction, mode: str, num_predicates: int,
                   image: object) -> ImageArrays:
    """The parts of `truth` and `prediction` that `mode` uses, checked.

    Raises ValueError naming the argument, the image and the value for: objects other than the annotated ones where
    boxes are given; predicate columns other than `num_predicates`; classes, predicates and indices that are out of
    range or no integers; boxes that are not finite; scores that are no probabilities (NaN included).
    """
    where = f" of image {image}"
    count, predicted = truth.boxes.shape[0], prediction.boxes.shape[0]
    columns = prediction.predicate_scores.shape[1]
    if mode != "sgdet" and predicted != count:
        raise ValueError(f"prediction.boxes{where} must be the {count} annotated boxes in {mode}, got {predicted}")
    if columns != num_predicates:
        raise ValueError(f"prediction.predicate_scores{where} must have num_predicates = {num_predicates} columns, "
                         f"background in column 0, got {columns}")
    truth_boxes = _finite(truth.boxes, f"truth.boxes{where}")
    truth_labels = _integers(truth.labels, 1, MAX_CLASSES - 1, f"truth.labels{where}")
    ends = _integers(truth.relations[:, :2], 0, count - 1, f"subjects and objects in truth.relations{where}")
    predicates = _integers(truth.relations[:, 2:], 1, num_predicates - 1, f"predicates in truth.relations{where}")
    relations = np.concatenate([ends, predicates], axis=1)
    pairs = _integers(prediction.pairs, 0, predicted - 1, f"prediction.pairs{where}")
    predicate_scores = _probabilities(prediction.predicate_scores, f"prediction.predicate_scores{where}")
    boxes, labels, label_scores = truth_boxes, truth_labels, np.ones(count, predicate_scores.dtype)
    if mode != "predcls":
        labels = _integers(prediction.labels, 0, MAX_CLASSES - 1, f"prediction.labels{where}")
        label_scores = _probabilities(prediction.label_scores, f"prediction.label_scores{where}")
    if mode == "sgdet":
        boxes = _finite(prediction.boxes, f"prediction.boxes{where}")
    return ImageArrays(truth_boxes, truth_labels, relations, boxes, labels, label_scores, pairs, predicate_scores)


def _integers(array: Array, low: int, high: int, name: str) -> np.ndarray:
    values = to_numpy(array)
    if not values.size:
        return values.astype(np.int64)
    if values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {values.dtype}")
    if np.minimum.reduce(values, axis=None) < low or np.maximum.reduce(values, axis=None) > high:
        raise ValueError(f"{name} must lie in {low}..{high}, got {values[(values < low) | (values > high)][0]}")
    return values.astype(np.int64, copy=False)


def _finite(array: Array, name: str) -> np.ndarray:
    values = to_numpy(array).astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got {values[~np.isfinite(values)][0]}")
    return values


def _probabilities(array: Array, name: str) -> np.ndarray:
    values = to_numpy(array)
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32)
    # The comparison is written so that it also refuses NaN, which compares false.
    if values.size and not (np.minimum.reduce(values, axis=None) >= 0
                            and np.maximum.reduce(values, axis=None) <= 1 + ROUNDING):
        wrong = ~((values >= 0) & (values <= 1 + ROUNDING))
        place = ", ".join(map(str, np.argwhere(wrong)[0]))
        remedy = "" if np.isfinite(values[wrong][0]) else ": the model that predicted them has diverged"
        raise ValueError(f"{name} must be probabilities in [0, 1], got {values[wrong][0]} at [{place}]{remedy}")
    return values
