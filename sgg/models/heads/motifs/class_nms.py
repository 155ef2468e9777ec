"""Labels of overlapping detections: non-maximum suppression over all classes at once."""

from __future__ import annotations

import torch
from torch import Tensor


def labels_by_nms(logits: Tensor, class_boxes: Tensor, image_index: Tensor, num_images: int,
                  threshold: float = 0.5) -> Tensor:
    """[N] a foreground class for each object; the most certain objects choose first.

    logits: [N, C]. class_boxes: [N, C, 4] the box of each object for every class. image_index: [N], ascending.
    num_images: B. threshold: the IoU from which boxes suppress one another.

    In an image of n objects this step runs n times: the largest probability, of class c, gives c to its object, and
    that object is done. Every object whose box for c has an IoU of at least `threshold` with the chosen box loses class
    c: its probability of c becomes 0.

    As in the reference, that also happens to objects that are done. Once only zeros are left, a finished object may
    therefore get another label, and an object that got none has label 0.
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
    """Intersection over union of boxes [..., 4], which are broadcast. A box from 3 to 5 is 3 pixels wide."""
    sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2]) + 1
    shared = sides.clamp(min=0).prod(-1)
    return shared / (_pixel_area(boxes) + _pixel_area(others) - shared)


def _pixel_area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1)
