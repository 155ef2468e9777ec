"""Predictions of a trained two-stage system: a frozen detector, and a scene-graph model on its features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sgg.detector.model import Detector
from sgg.methods.adjustment import PredictedPairs
from sgg.methods.head import HeadOutputs, Mode
from sgg.methods.variants import Adjuster, counterfactuals_of
from sgg.models.ranking import rank
from sgg.models.sampling import all_pairs
from sgg.models.scene_graph import SceneGraphModel, most_likely_labels
from sgg.structures import Batch, Prediction
from sgg.systems.contract import UNADJUSTED, DivergedError, Predicted

from .encoding import Encoding, encode_annotated, encode_detected, first_not_finite, observe, wanted_outputs
from .padding import detections_inside

PAIRS_TOGETHER = 1 << 13
"""Pairs of objects that images of a batch may have in all for the model to run on them together: a 4096-wide vector of
each takes 128 MiB."""


class TwoStagePredictor:
    """Detector and scene-graph model, both on `device`.

    inside: in SGDet, leave out the detections in the padding of images that are not square (`padding.py`), before the
    model sees them. Evaluation keeps them, as the papers do.
    """

    def __init__(self, model: SceneGraphModel, detector: Detector, device: torch.device | str = "cpu",
                 inside: bool = False) -> None:
        self.model, self.detector, self.device, self.inside = model, detector, torch.device(device), inside
        self.networks: Mapping[str, nn.Module] = {"model": model}

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """A context in which the model is in evaluation mode; afterwards it is in its former mode."""
        was_training = self.model.training
        self.model.eval()
        try:
            yield
        finally:
            self.model.train(was_training)

    @torch.no_grad()
    def predict(self, batch: Batch, modes: Sequence[Mode], adjusters: Mapping[str, Adjuster] = UNADJUSTED) -> Predicted:
        """Ranked predictions of every image of a batch, for each of `modes` (sgcls, predcls, sgdet). The model must be
        in evaluation mode.

        adjusters: adjust the predicate logits, by suffix; predictions are named by mode followed by suffix. The model
        runs once for all of them, and gives the counterfactual logits that any of them takes.

        In SGDet, `counts` has `fallbacks`, the number of images for which the detector had to lower its score
        threshold. An image in which it finds no two overlapping boxes at any threshold has no pair.

        Raises DivergedError, naming the mode and the first image, where the model's scores are not finite, and
        ValueError where the detector has diverged.
        """
        predictions: dict[str, list[Prediction]] = {}
        counts: Counter[str] = Counter()
        for part in batch.split_by_pairs(PAIRS_TOGETHER):
            found = self._predict_together(part.to(self.device), modes, adjusters)
            for name, of_images in found.predictions.items():
                predictions.setdefault(name, []).extend(of_images)
            counts.update(found.counts)
        return Predicted(predictions, counts)

    def _predict_together(self, batch: Batch, modes: Sequence[Mode], adjusters: Mapping[str, Adjuster]) -> Predicted:
        predictions: dict[str, list[Prediction]] = {}
        counts: dict[str, int] = {}
        batch = observe(self.detector, batch, wanted_outputs(modes, self.model.needs))
        if given_boxes := [mode for mode in modes if mode != "sgdet"]:
            encoding = encode_annotated(self.detector, batch, self.model.needs)
            predictions |= self._predict(encoding, all_pairs(encoding.image_index), batch, given_boxes, adjusters)
        if "sgdet" in modes:
            detected = detections_inside(batch) if self.inside else batch
            encoding = encode_detected(self.detector, detected, self.model.needs)
            counts["fallbacks"] = encoding.fallbacks
            predictions |= self._predict(encoding, encoding.overlapping_pairs(), batch, ["sgdet"], adjusters)
        return Predicted(predictions, counts)

    def _predict(self, encoding: Encoding, pairs: Tensor, batch: Batch, modes: Sequence[Mode],
                 adjusters: Mapping[str, Adjuster]) -> dict[str, list[Prediction]]:
        given = {mode: batch.labels if mode == "predcls" else None for mode in modes}
        taken = counterfactuals_of(adjusters.values())
        outputs = self.model.predict(given, encoding.map, encoding.boxes, encoding.image_index, pairs,
                                     encoding.image_sizes, detector_logits=encoding.logits,
                                     class_boxes=encoding.class_boxes, largest=encoding.largest,
                                     **({"counterfactuals": taken} if taken else {}))
        predictions, images = {}, _Images.of(encoding.image_index, pairs, len(batch))
        for mode, output in outputs.items():
            labels, scores = scored_labels(output, given[mode])
            for values, image in ((scores, encoding.image_index),
                                  (output.predicate_logits, encoding.image_index[pairs[:, 0]])):
                if (bad := first_not_finite(values)) is not None:
                    raise DivergedError(f"the model has diverged: its scores of image {batch.image_ids[image[bad]]} in "
                                        f"{mode} are not finite")
            boxes = encoding.image_boxes
            if encoding.image_class_boxes is not None and "class_boxes" in self.model.needs:
                boxes = encoding.image_class_boxes[torch.arange(len(labels), device=labels.device), labels]
            assert output.labels is not None  # the model fills them in
            context = PredictedPairs(output.labels[pairs[:, 0]], output.labels[pairs[:, 1]],
                                     plain=output.predicate_logits, counterfactuals=output.counterfactuals)
            for suffix, adjust in adjusters.items():
                predictions[mode + suffix] = images.ranked(boxes, labels, scores, pairs,
                                                           adjust(output.predicate_logits, context))
        return predictions


def scored_labels(output: HeadOutputs, given: Tensor | None) -> tuple[Tensor, Tensor]:
    """The class of each object and its probability among all classes, both [N]; the probability of a given class is 1.
    """
    if given is not None:
        return given, torch.ones_like(output.label_logits[:, 0])
    likely, scores = most_likely_labels(output.label_logits)
    shown = output.labels if output.predicted_labels is None else output.predicted_labels
    if shown is None:
        return likely, scores
    labels = torch.where(shown > 0, shown, likely)
    return labels, torch.softmax(output.label_logits, dim=1).gather(1, labels[:, None])[:, 0]


class _Images(NamedTuple):
    """The images of a batch on the host: the first object, the number of objects and the number of pairs of each."""

    starts: list[int]
    objects: list[int]
    pairs: list[int]

    @classmethod
    def of(cls, image_index: Tensor, pairs: Tensor, images: int) -> _Images:
        """From the image of each object [N], and pairs of objects [P, 2]."""
        counts = torch.bincount(image_index, minlength=images)
        edges = torch.bincount(image_index[pairs[:, 0]], minlength=images)
        starts, objects, of_pairs = torch.stack([counts.cumsum(0) - counts, counts, edges]).tolist()
        return cls(starts, objects, of_pairs)

    def ranked(self, boxes: Tensor, labels: Tensor, scores: Tensor, pairs: Tensor, logits: Tensor) -> list[Prediction]:
        """The ranked prediction of each image, from boxes [N, 4], labels and their scores [N], pairs and logits."""
        parts = zip(self.starts, boxes.split(self.objects), labels.split(self.objects), scores.split(self.objects),
                    pairs.split(self.pairs), logits.split(self.pairs), strict=True)
        return [rank(boxes, classes, confidence, local - start, of_pairs)
                for start, boxes, classes, confidence, local, of_pairs in parts]
