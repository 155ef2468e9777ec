"""A predicted scene graph: the best triplets of an image, with their scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sgg.structures import Array, Prediction, SceneGraph, to_numpy
from sgg.systems.contract import Vocabulary
from sgg.viz.graph_picture import Shown

SAME = 0.5
"""The intersection over union above which two boxes of one class are taken for one object."""


@dataclass(frozen=True, slots=True)
class ScoredGraph(SceneGraph):
    """A scene graph with scores. Boxes are in pixels of the image, as a viewer shows it.

    label_scores: [N] the probability of each object's class; 1 where the class was given. predicate_scores: [E] the
    probability of each relation's predicate. scores: [E] the score of each triplet: predicate score x the label scores
    of subject and object. Relations are in descending order of it. size: height and width of the image. vocabulary: the
    names of `labels` and predicates.
    """

    label_scores: Array
    predicate_scores: Array
    scores: Array
    size: tuple[int, int]
    vocabulary: Vocabulary

    @classmethod
    def best_of(cls, prediction: Prediction, size: tuple[int, int], vocabulary: Vocabulary, top: int = 20,
                threshold: float = 0.0, once: bool = False) -> ScoredGraph:
        """The graph of a prediction: of each pair of objects its best predicate, and of these triplets the `top` best
        whose score is at least `threshold`.

        once: keep of several objects that are probably the same one only the best (`without_duplicates`). A detector
        finds the same object as several classes, and the model often gives these boxes one name.
        """
        if once:
            prediction = selected(prediction, without_duplicates(*map(to_numpy, (
                prediction.boxes, prediction.labels, prediction.label_scores))))
        boxes, labels, label_scores = map(to_numpy, (prediction.boxes, prediction.labels, prediction.label_scores))
        # Pairs are in descending order.
        pairs, foreground = to_numpy(prediction.pairs)[:top], to_numpy(prediction.predicate_scores)[:top, 1:]
        predicate_scores = foreground.max(1, initial=0)
        scores = predicate_scores * label_scores[pairs].prod(1)
        high = scores >= threshold
        relations = np.column_stack([pairs, foreground.argmax(1) + 1])[high]
        return cls(boxes, labels, relations, label_scores, predicate_scores[high], scores[high], size, vocabulary)

    @property
    def names(self) -> list[str]:
        """The name of each object's class."""
        return [self.vocabulary.classes[label] for label in self.labels]

    def sentences(self) -> list[str]:
        """Each relation in words: "cat riding horse"."""
        names, predicates = self.names, self.vocabulary.predicates
        return [f"{names[subject]} {predicates[predicate]} {names[other]}"
                for subject, other, predicate in np.asarray(self.relations).tolist()]

    def shown(self) -> Shown:
        """The graph for a picture: names with their scores."""
        height, width = self.size
        objects = [f"{name} {_two(score)}".strip() for name, score in zip(self.names, self.label_scores, strict=True)]
        relations = [(subject, other, f"{self.vocabulary.predicates[predicate]} {_two(score)}")
                     for (subject, other, predicate), score in
                     zip(np.asarray(self.relations).tolist(), self.predicate_scores, strict=True)]
        return Shown(np.asarray(self.boxes, np.float64) / [width, height, width, height], objects, relations)


def selected(prediction: Prediction, kept: np.ndarray) -> Prediction:
    """Only the objects `kept` (rows, ascending) of a prediction, and the pairs among them."""
    places = np.full(len(prediction.labels), -1)
    places[kept] = np.arange(len(kept))
    pairs = places[to_numpy(prediction.pairs)]
    both = (pairs >= 0).all(1)
    boxes, labels, scores = map(to_numpy, (prediction.boxes, prediction.labels, prediction.label_scores))
    return Prediction(boxes[kept], labels[kept], scores[kept], pairs[both],
                      to_numpy(prediction.predicate_scores)[both])


def without_duplicates(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The rows, ascending, of the objects that stay: those that do not share class, and more than `SAME` of the area of
    their union, with one that stays and has a higher score. boxes: [N, 4]; labels, scores: [N]."""
    low, high = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = (high - low).clip(0).prod(2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    same = (common > SAME * (areas[:, None] + areas[None] - common)) & (labels[:, None] == labels[None])
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if not same[row, kept].any():
            kept.append(row)
    return np.array(sorted(kept), np.int64)


def _two(score: float) -> str:
    """A score with two decimals, without the leading zero; nothing for a given class."""
    return "" if score == 1 else f"{score:.2f}".removeprefix("0")
