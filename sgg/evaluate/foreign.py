"""Predictions of other toolkits, in the form in which saved predictions are scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sgg.data.dataset import DataSet
from sgg.data.statistics import background_counts, foreground_counts
from sgg.evaluate.formats import format_of
from sgg.evaluate.listed_triplets import nothing
from sgg.evaluate.predictions import Predictions, PredictionSource, Protocol
from sgg.evaluate.truth_images import TruthImages
from sgg.methods.head import Mode
from sgg.metrics import predicate_weights
from sgg.metrics.matching import box_iou
from sgg.structures import Prediction, SceneGraph

SAME_BOX = 0.9
"""The least IoU of a given box with the annotated one. Toolkits round boxes, and shift them by a pixel."""


@dataclass
class ForeignPredictions:
    """The predictions of a file for a split of a data set. Iterating gives (image id, annotation, {mode: prediction}),
    as `PredictionFile` does, of every image of the split with a relation; those that the file lacks have an empty one.

    format: a name of `sgg.evaluate.formats`. mode: what the toolkit was given. found: after an iteration, how many
    images the file has.
    """

    path: Path
    format: str
    data: DataSet
    split: str
    mode: Mode
    found: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.images = TruthImages(self.data, self.split)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[str, SceneGraph, Predictions]]:
        """Raises what the format's `read` raises; ValueError that names an image that the file has twice, and, where
        boxes were given, one whose boxes are not the annotated ones; ValueError if the file has no image of the split.
        """
        seen = np.zeros(len(self.images), bool)
        for row, prediction in format_of(self.format).read(self.path, self.images):
            if seen[row]:
                raise ValueError(f"{self.path} has image {self.images.image_id(row)} twice")
            seen[row] = True
            yield self._of(row, prediction)
        self.found = int(seen.sum())
        if not self.found:
            raise ValueError(f"{self.path} has none of the {len(seen):,} images of {self.split} of {self.data.title}, "
                             f"such as {self.images.image_id(0)}: choose the data set and split of the predictions "
                             "(--data, --split)")
        for row in np.flatnonzero(~seen).tolist():
            graph = self.images.graph(row)
            empty = nothing(len(self.data.predicates))
            if self.mode != "sgdet":  # the boxes are known, the relations are not
                empty = Prediction(graph.boxes, graph.labels, np.zeros(len(graph)), empty.pairs, empty.predicate_scores)
            yield self.images.image_id(row), graph, {self.mode: empty}

    def _of(self, row: int, prediction: Prediction) -> tuple[str, SceneGraph, Predictions]:
        graph, name = self.images.graph(row), self.images.image_id(row)
        if self.mode != "sgdet":
            found = box_iou(prediction.boxes, graph.boxes)
            if found.shape[0] != len(graph) or (found.diagonal() < SAME_BOX).any():
                raise ValueError(f"{self.path}: image {name} has other boxes than the {len(graph)} annotated ones, or "
                                 f"in another order, so it is no prediction of {self.mode}: choose --mode sgdet")
        return name, graph, {self.mode: prediction}

    @property
    def conventions(self) -> dict[str, bool]:
        """Conventions that hold for any file: an image without a pair has a recall of 0; where a file lists triplets,
        the others are not predicted."""
        return {"failed_images_count": True, "zero_scores_count": format_of(self.format).scored}

    def protocol(self) -> Protocol:
        """The basis of scoring: triplet counts and names of the data set, and where the predictions come from."""
        data, train = self.data, self.data.split("train").annotations
        counts = (foreground_counts(train, len(data.classes), len(data.predicates)),
                  background_counts(train, len(data.classes)))
        source: PredictionSource = {"predictions": str(self.path), "format": self.format, "data": {
            "name": data.name, "description": data.description, "hash": data.hash}}
        return Protocol(self.split, (self.mode,), data.classes, data.predicates, data.triplets("train").as_dict(),
                        data.seen(self.split).as_dict(), predicate_weights(*counts, 1), source)
