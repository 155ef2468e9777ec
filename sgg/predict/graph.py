"""A predicted scene graph: the best triplets of an image, with their scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sgg.structures import Array, Prediction, SceneGraph, to_numpy
from sgg.systems.contract import Vocabulary
from sgg.viz.graph_picture import Shown


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
                threshold: float = 0.0) -> ScoredGraph:
        """The graph of a prediction: of each pair of objects its best predicate, and of these triplets the `top` best
        whose score is at least `threshold`. All objects stay."""
        boxes, labels, label_scores = map(to_numpy, (prediction.boxes, prediction.labels, prediction.label_scores))
        pairs = to_numpy(prediction.pairs)[:top]  # they are in descending order
        foreground = to_numpy(prediction.predicate_scores)[:top, 1:]
        predicate_scores = foreground.max(1, initial=0)
        scores = predicate_scores * label_scores[pairs].prod(1)
        kept = scores >= threshold
        relations = np.column_stack([pairs, foreground.argmax(1) + 1])[kept]
        return cls(boxes, labels, relations, label_scores, predicate_scores[kept], scores[kept], size, vocabulary)

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


def _two(score: float) -> str:
    """A score with two decimals, without the leading zero; nothing for a given class."""
    return "" if score == 1 else f"{score:.2f}".removeprefix("0")
