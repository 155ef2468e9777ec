"""Labels of overlapping detections: non-maximum suppression over all classes at once."""

from __future__ import annotations

import torch
from torch import Tensor

from .grid import ObjectGrid


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch's own, and untyped
def labels_by_nms(logits: Tensor, class_boxes: Tensor, image_index: Tensor, num_images: int,
                  threshold: float = 0.5, *, largest: int | None = None, background: float = 0.0,
                  overwrite: bool = True) -> Tensor:
    """[N] a foreground class for each object; the most certain objects choose first.

    logits: [N, C]. class_boxes: [N, C, 4] the box of each object for every class. image_index: [N], ascending.
    num_images: B. threshold: the IoU from which boxes suppress one another. largest: as in `ObjectGrid.of`.

    In an image of n objects this step runs n times: the largest probability, of class c, gives c to its object, and
    that object is done. Every object whose box for c has an IoU of at least `threshold` with the chosen box loses class
    c: its probability of c becomes 0.

    As in the reference, that also happens to objects that are done. Once only zeros are left, a finished object may
    therefore get another label, unless `overwrite` is False, and an object that got none has label 0. background: what
    stands for the probability of the background: 0, so that it may be chosen then, or -1.
    """
    grid = ObjectGrid.of(image_index, num_images, largest)
    counts, real = grid.counts, grid.real
    probabilities = torch.softmax(logits, dim=1)
    probabilities[:, 0] = background
    num_classes = logits.shape[1]
    scores = grid.pad(probabilities, -torch.inf)
    boxes = grid.pad(class_boxes)
    labels = torch.zeros_like(real, dtype=torch.long)

    images = torch.arange(num_images, device=logits.device)
    for step in range(grid.length):
        chosen = scores.flatten(1).argmax(1)  # the first of equals
        row, label = chosen // num_classes, chosen % num_classes
        before = labels[images, row]
        free = (step < counts) if overwrite else (step < counts) & (before == 0)
        labels[images, row] = torch.where(free, label, before)
        rivals = boxes[images, :, label]  # [B, n, 4]
        suppressed = real & (pixel_iou(rivals[images, row][:, None], rivals) >= threshold)
        scores[images, :, label] = scores[images, :, label].masked_fill(suppressed, 0.0)
        scores[images, row] = -1.0
    return grid.unpad(labels)


def pixel_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes [..., 4], which are broadcast. A box from 3 to 5 is 3 pixels wide."""
    shared = pixel_intersection(boxes, others)
    return shared / (_pixel_area(boxes) + _pixel_area(others) - shared)


def pixel_intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """The area that boxes [..., 4], which are broadcast, have in common. A box from 3 to 5 is 3 pixels wide."""
    sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2]) + 1
    return sides.clamp(min=0).prod(-1)


def _pixel_area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1)
