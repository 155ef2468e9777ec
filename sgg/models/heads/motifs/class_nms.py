"""Labels of detections that exclude one another: non-maximum suppression over classes."""

from __future__ import annotations

import torch
from torch import Tensor


def labels_by_nms(logits: Tensor, class_boxes: Tensor, image_index: Tensor, num_images: int,
                  threshold: float = 0.5) -> Tensor:
    """[N] a foreground class for each object, the surest first.

    logits: [N, C]; class_boxes: [N, C, 4] the box of each object for every class; image_index: [N], ascending.

    In an image of n objects, n times: the largest probability gives its class c to its object, which then takes part
    no more. Objects whose boxes for c overlap the chosen one's by `threshold` or more can no longer have c.

    Their probabilities of c become 0, also those of objects that took part no more, as in the reference. Where all
    that is left is 0, such an object may get another label, and one that got none has label 0.
    """
    counts = torch.bincount(image_index, minlength=num_images)
    longest = int(counts.max()) if num_images else 0
    place = torch.arange(len(logits), device=logits.device) - (counts.cumsum(0) - counts)[image_index]
    real = torch.arange(longest, device=logits.device) < counts[:, None]  # [B, n]

    probabilities = torch.softmax(logits, dim=1)
    probabilities[:, 0] = 0
    num_classes = logits.shape[1]
    scores = probabilities.new_full((num_images, longest, num_classes), -torch.inf)
    scores[image_index, place] = probabilities
    boxes = class_boxes.new_zeros(num_images, longest, num_classes, 4)
    boxes[image_index, place] = class_boxes
    labels = image_index.new_zeros(num_images, longest)

    images = torch.arange(num_images, device=logits.device)
    for step in range(longest):
        chosen = scores.flatten(1).argmax(1)  # the first of equals
        row, label = chosen // num_classes, chosen % num_classes
        labels[images, row] = torch.where(step < counts, label, labels[images, row])
        rivals = boxes[images, :, label]  # [B, n, 4]
        suppressed = real & (pixel_iou(rivals[images, row][:, None], rivals) >= threshold)
        scores[images, :, label] = scores[images, :, label].masked_fill(suppressed, 0.0)
        scores[images, row] = -1.0
    return labels[image_index, place]


def pixel_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes [..., 4], a box from 3 to 5 being 3 pixels wide; both broadcast."""
    sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2]) + 1
    shared = sides.clamp(min=0).prod(-1)
    return shared / (_pixel_area(boxes) + _pixel_area(others) - shared)


def _pixel_area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1)
