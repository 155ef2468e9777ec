"""Detections in the padding of images that are not square, which a detector sees as squares."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sgg.structures import Batch, Detections

INSIDE = 0.5
"""The least part of a detected box that must lie in the image."""


def detections_inside(batch: Batch) -> Batch:
    """The batch with only those detections that lie in their image by `INSIDE` of their area at least, with boxes that
    are cut at its edges. A box of another class that lies outside is the detection's own.

    batch: with the detector's outputs, which have detections.
    """
    outputs = batch.outputs
    assert outputs is not None  # `observe` sets them
    assert outputs.detections is not None
    found = tuple(_inside(one, size) for one, size in zip(outputs.detections, batch.sizes, strict=True))
    return replace(batch, outputs=outputs._replace(detections=found))


def _inside(found: Detections, size: Tensor) -> Detections:
    """size: [2] height and width of the image."""
    edges = size.flip(0).repeat(2).to(found.boxes)
    cut = torch.minimum(found.boxes.clamp(min=0), edges)
    inside, whole = _areas(cut), _areas(found.boxes)
    kept = (inside > 0) & (inside >= INSIDE * whole)
    logits, class_boxes = found.logits, found.class_boxes
    if class_boxes is not None:
        cut_of_class = torch.minimum(class_boxes[kept].clamp(min=0), edges)
        class_boxes = torch.where(_areas(cut_of_class)[..., None] > 0, cut_of_class, cut[kept, None])
    return Detections(cut[kept], found.labels[kept], found.scores[kept], found.threshold,
                      None if logits is None else logits[kept], class_boxes)


def _areas(boxes: Tensor) -> Tensor:
    """[...] the areas of boxes [..., 4]."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
