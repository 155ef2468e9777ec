"""What the frozen detector sees in a batch, and what the scene-graph model says of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sgg.models.detector import SCORE_THRESHOLDS, Detector
from sgg.models.ranking import rank
from sgg.models.sampling import all_pairs, overlapping
from sgg.models.scene_graph import SceneGraphModel, most_likely_labels
from sgg.structures import Batch, Prediction


class DivergedError(FloatingPointError):
    """The scene-graph model gives scores that are not finite."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The nodes of a batch as the detector shows them.

    map: [B, C, h, w] global features. boxes: [N, 4] in the detector's frame; picture_boxes: [N, 4] the same in picture
    pixels. image_index: [N]. frames: [B, 2] height and width of each square picture in the detector's frame.
    detected_labels: [N] the detector's own classes, where the boxes are its own too (SGDet). fallbacks: images for
    which it had to lower its score threshold.
    """

    map: Tensor
    boxes: Tensor
    picture_boxes: Tensor
    image_index: Tensor
    frames: Tensor
    detected_labels: Tensor | None = None
    fallbacks: int = 0


def observe(detector: Detector, batch: Batch) -> Observation:
    """The annotated boxes of a batch as nodes (SGCls, PredCls). Raises ValueError where the detector has diverged."""
    feature_map, frames = detector.features(batch.images)
    _require_sound(feature_map, batch)
    boxes = detector.resize_boxes(batch.boxes, batch.image_index, batch.images, frames)
    return Observation(feature_map, boxes, batch.boxes, batch.image_index, _tensor(frames, boxes))


def detect(detector: Detector, batch: Batch) -> Observation:
    """The detector's own boxes as nodes (SGDet). Raises ValueError where the detector has diverged."""
    found, (feature_map, frames) = detector.detect(batch.images)
    _require_sound(feature_map, batch)
    picture_boxes = torch.cat([one.boxes for one in found])
    counts = torch.tensor([len(one.boxes) for one in found], device=picture_boxes.device)
    image_index = torch.arange(len(found), device=picture_boxes.device).repeat_interleave(counts)
    boxes = detector.resize_boxes(picture_boxes, image_index, batch.images, frames)
    return Observation(feature_map, boxes, picture_boxes, image_index, _tensor(frames, boxes),
                       torch.cat([one.labels for one in found]),
                       sum(one.threshold < SCORE_THRESHOLDS[0] for one in found))


@torch.no_grad()
def predict(
    model: SceneGraphModel, detector: Detector, batch: Batch, modes: tuple[str, ...] | list[str],
    fallbacks: list[int] | None = None,
) -> dict[str, list[Prediction]]:
    """Ranked predictions of every image of a batch, for each of `modes` (sgcls, predcls, sgdet).

    fallbacks: gets the number of images for which SGDet's detector had to lower its score threshold. An image in which
    it finds no two overlapping boxes at any threshold has no pair in SGDet.

    SGCls and PredCls share one pass: they differ in the labels only. The model must be in eval mode.

    Raises DivergedError, naming the mode and the first image, where the model's scores are not finite, and what
    `observe` and `detect` raise.
    """
    predictions: dict[str, list[Prediction]] = {}
    given_boxes = [mode for mode in modes if mode != "sgdet"]
    if given_boxes:
        seen = observe(detector, batch)
        pairs = all_pairs(seen.image_index)
        predictions |= _predict(model, seen, pairs, batch, given_boxes)
    if "sgdet" in modes:
        seen = detect(detector, batch)
        if fallbacks is not None:
            fallbacks.append(seen.fallbacks)
        pairs = overlapping_pairs(seen)
        predictions |= _predict(model, seen, pairs, batch, ["sgdet"])
    return predictions


def overlapping_pairs(seen: Observation) -> Tensor:
    """[P, 2] the ordered pairs of one image whose boxes overlap: the candidates of SGDet."""
    pairs = all_pairs(seen.image_index)
    return pairs[overlapping(pairs, seen.boxes, seen.image_index)]


def _predict(
    model: SceneGraphModel, seen: Observation, pairs: Tensor, batch: Batch, modes: list[str]
) -> dict[str, list[Prediction]]:
    nodes, edges = model.features(seen.map, seen.boxes, seen.image_index, pairs)
    node_logits, edge_logits = model.classify(nodes, edges, seen.boxes, seen.image_index, pairs, seen.frames)
    predictions = {}
    for mode in modes:
        if mode == "predcls":
            labels, scores = batch.labels, torch.ones_like(node_logits[:, 0])
        else:
            labels, scores = most_likely_labels(node_logits)
        logits = model.with_bias(edge_logits, labels, pairs)
        for values, image in ((scores, seen.image_index), (logits, seen.image_index[pairs[:, 0]])):
            if (bad := _not_finite(values)) is not None:
                raise DivergedError(f"the model has diverged: its scores of image {batch.image_ids[image[bad]]} in "
                                    f"{mode} are not finite")
        predictions[mode] = _by_image(seen, labels, scores, pairs, logits, len(batch))
    return predictions


def _by_image(
    seen: Observation, labels: Tensor, scores: Tensor, pairs: Tensor, edge_logits: Tensor, images: int
) -> list[Prediction]:
    nodes = torch.bincount(seen.image_index, minlength=images)
    edges = torch.bincount(seen.image_index[pairs[:, 0]], minlength=images).tolist()
    starts, nodes = (nodes.cumsum(0) - nodes).tolist(), nodes.tolist()
    parts = zip(starts, seen.picture_boxes.split(nodes), labels.split(nodes), scores.split(nodes), pairs.split(edges),
                edge_logits.split(edges), strict=True)
    return [rank(boxes, classes, confidence, local - start, logits)
            for start, boxes, classes, confidence, local, logits in parts]


def _require_sound(feature_map: Tensor, batch: Batch) -> None:
    if (bad := _not_finite(feature_map)) is not None:
        raise ValueError(f"the detector has diverged: its features of image {batch.image_ids[bad]} are not finite; "
                         "train it anew with a lower detector.learning_rate, or name another one (detector.weights)")


def _not_finite(values: Tensor) -> int | None:
    """The first row of `values` [n, ...] that is not finite; None where all are."""
    finite = torch.isfinite(values)
    return None if finite.all() else int((~finite).reshape(len(values), -1).any(dim=1).nonzero()[0])


def _tensor(frames: list[tuple[int, int]], like: Tensor) -> Tensor:
    return torch.tensor(frames, device=like.device)
