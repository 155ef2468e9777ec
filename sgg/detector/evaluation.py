"""How good a detector is: COCO's average precision, and how often it names both objects of a relation rightly."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sgg.models.detector import Detections
from sgg.structures import SceneGraph, to_numpy


def average_precision(truths: Sequence[SceneGraph], found: Sequence[Detections]) -> dict[str, float]:
    """COCO's mean average precision over classes, by pycocotools, in shares of 1.

    truths and found: one each per image, in one order and frame. Returns "mAP" (over IoU .5, .55, .. .95), "mAP@.5"
    and "mAP@.75"; nan where no image has an object.
    """
    truth = COCO()
    truth.dataset = {"info": {}, "images": [{"id": i} for i in range(len(truths))], "annotations": [], "categories": []}
    for image, graph in enumerate(truths):
        for box, label in zip(_as_xywh(graph.boxes), to_numpy(graph.labels).tolist(), strict=True):
            truth.dataset["annotations"].append({
                "id": len(truth.dataset["annotations"]) + 1, "image_id": image, "category_id": label,
                "bbox": box.tolist(), "area": float(box[2] * box[3]), "iscrowd": 0})
    classes = sorted({annotation["category_id"] for annotation in truth.dataset["annotations"]})
    truth.dataset["categories"] = [{"id": label} for label in classes]
    results = [np.column_stack([np.full(len(one.scores), image), _as_xywh(one.boxes), to_numpy(one.scores),
                                to_numpy(one.labels)]) for image, one in enumerate(found)]
    results = np.concatenate(results) if results else np.zeros((0, 7))
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


def both_objects_right(graphs: Sequence[SceneGraph], labels: Sequence[np.ndarray]) -> tuple[int, int]:
    """Relations whose subject and object both carry the right label, and all relations, summed over images.

    labels: [N] predicted class of each of a graph's own boxes. The share is what SGCls recall cannot exceed for a
    scene-graph model that takes the detector's word for what things are.
    """
    right = [np.asarray(predicted) == to_numpy(graph.labels) for graph, predicted in zip(graphs, labels, strict=True)]
    hits = [hit[to_numpy(graph.relations)[:, :2]].all(axis=1) for graph, hit in zip(graphs, right, strict=True)]
    return int(sum(hit.sum() for hit in hits)), sum(len(hit) for hit in hits)


def _as_xywh(boxes: object) -> np.ndarray:
    corners = to_numpy(boxes).astype(np.float64)
    return np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
