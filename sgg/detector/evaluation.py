"""Metrics of a detector: COCO's average precision, and the fraction of relations with both objects classified
correctly.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sgg.common.metric_names import SUBSETS
from sgg.data import DataSet, load_batches
from sgg.detector.model import SCORE_THRESHOLDS, Detector
from sgg.metrics.matching import MIN_IOU, box_iou
from sgg.structures import Array, Detections, SceneGraph, to_numpy


def measure(detector: Detector, data: DataSet, split: str = "test", batch_size: int = 8, workers: int = 0,
            limit: int | None = None) -> dict[str, float]:
    """All metrics of a detector on a split of a data set, named `<split>/detector/...`, as fractions of 1.

    `mAP`, `mAP@.5`, `mAP@.75`: see `average_precision`. `fallback@.05`, `fallback@.01`: images for which detection had
    to lower its score threshold to this value. `boxes-right`: annotated boxes that the detector classifies correctly.
    `<subset>/both-right`: relations with both objects classified correctly, given their boxes. `<subset>/both-found`:
    relations with both objects detected, see `both_objects_found`. limit: use only this many images, the first ones.
    """
    graphs: list[SceneGraph] = []
    found: list[Detections] = []
    detected: dict[str, Detections] = {}
    labels: dict[str, np.ndarray] = {}
    batches = load_batches(data.split(split).head(limit), batch_size, workers=workers, largest=detector.image_size)
    for batch in batches.epoch(0):
        counts = batch.objects_per_image().tolist()
        _, logits, detections = detector.outputs(batch.images, batch.sizes.amax(1).tolist(), batch.boxes.split(counts),
                                                 ("object_logits", "detections"))
        assert logits is not None  # as asked for
        assert detections is not None
        found += detections
        detected |= dict(zip(batch.image_ids, detections, strict=True))
        named = (logits[:, 1:].argmax(1) + 1).split(counts)
        labels |= {name: to_numpy(one) for name, one in zip(batch.image_ids, named, strict=True)}
        graphs += [graph.numpy() for graph in batch.graphs()]
    values = average_precision(graphs, found)
    for threshold in SCORE_THRESHOLDS[1:]:
        values[f"fallback@{threshold:g}".replace("0.", ".")] = float(np.mean([one.threshold == threshold
                                                                              for one in found]))
    right = np.concatenate([labels[name] == graph.labels for name, graph in zip(labels, graphs, strict=True)])
    values["boxes-right"] = float(right.mean())
    for subset in SUBSETS:
        chosen = data.split(split, subset)
        kept = [image for image in range(len(chosen)) if chosen.image_id(image) in labels]
        truths, ids = [chosen.graph(image) for image in kept], [chosen.image_id(image) for image in kept]
        values[f"{subset}/both-right"] = both_objects_right(truths, [labels[one] for one in ids])
        values[f"{subset}/both-found"] = both_objects_found(truths, [detected[one] for one in ids])
    return {f"{split}/detector/{name}": value for name, value in values.items()}


def average_precision(truths: Sequence[SceneGraph], found: Sequence[Detections]) -> dict[str, float]:
    """COCO's mean average precision over classes, by pycocotools, as a fraction of 1.

    truths and found: one of each per image, in the same order and frame. Returns "mAP" (mean over IoU .5, .55, .. .95),
    "mAP@.5" and "mAP@.75"; NaN if no image has an object.
    """
    truth = COCO()
    annotations: list[dict[str, Any]] = []
    for image, graph in enumerate(truths):
        for box, label in zip(_as_xywh(graph.boxes), to_numpy(graph.labels).tolist(), strict=True):
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": label,
                                "bbox": box.tolist(), "area": float(box[2] * box[3]), "iscrowd": 0})
    classes = sorted({annotation["category_id"] for annotation in annotations})
    dataset: Any = {"info": {}, "images": [{"id": i} for i in range(len(truths))], "annotations": annotations,
                    "categories": [{"id": label} for label in classes]}  # the keys that are read
    truth.dataset = dataset
    rows = [np.column_stack([np.full(len(one.scores), image), _as_xywh(one.boxes), to_numpy(one.scores),
                             to_numpy(one.labels)]) for image, one in enumerate(found)]
    results = np.concatenate(rows) if rows else np.zeros((0, 7))
    if not classes:
        return dict.fromkeys(("mAP", "mAP@.5", "mAP@.75"), float("nan"))
    if not len(results):
        return dict.fromkeys(("mAP", "mAP@.5", "mAP@.75"), 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress by print
        truth.createIndex()
        coco = COCOeval(truth, truth.loadRes(results), "bbox")
        coco.evaluate()
        coco.accumulate()
    precision = coco.eval["precision"][:, :, :, 0, -1]  # IoU threshold, recall, class; all areas, 100 detections

    def mean(values: np.ndarray) -> float:
        return float(values[values > -1].mean())

    return {"mAP": mean(precision), "mAP@.5": mean(precision[0]), "mAP@.75": mean(precision[5])}


def both_objects_right(graphs: Sequence[SceneGraph], labels: Sequence[np.ndarray]) -> float:
    """The fraction of relations whose subject and object both have the correct label, over all images; NaN if there is
    no relation.

    labels: [N] the predicted class of each box of a graph. A scene-graph model that keeps the detector's classes cannot
    have a higher SGCls recall.
    """
    right = [np.asarray(predicted) == to_numpy(graph.labels) for graph, predicted in zip(graphs, labels, strict=True)]
    return _share_of_relations(graphs, right)


def both_objects_found(graphs: Sequence[SceneGraph], found: Sequence[Detections]) -> float:
    """The fraction of relations whose subject and object are both detected: by a box of their class with an IoU of at
    least .5. SGDet cannot have a higher recall with these detections. NaN if there is no relation."""
    right = []
    for graph, one in zip(graphs, found, strict=True):
        hits = (box_iou(graph.boxes, one.boxes) >= MIN_IOU) & (
            to_numpy(graph.labels)[:, None] == to_numpy(one.labels)[None])
        right.append(hits.any(axis=1))
    return _share_of_relations(graphs, right)


def _share_of_relations(graphs: Sequence[SceneGraph], right: Sequence[np.ndarray]) -> float:
    """The fraction of relations of which both objects are `right` ([N] of each graph)."""
    hits = [hit[to_numpy(graph.relations)[:, :2]].all(axis=1) for graph, hit in zip(graphs, right, strict=True)]
    return float(np.concatenate(hits).mean()) if sum(map(len, hits)) else float("nan")


def _as_xywh(boxes: Array) -> np.ndarray:
    corners = to_numpy(boxes).astype(np.float64)
    return np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
