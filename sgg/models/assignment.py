"""Match detections to annotated objects, so that SGDet can be trained (docs/SYSTEM.md section 2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou

MIN_IOU = 0.5


def assign(
    boxes: Tensor,
    labels: Tensor,
    image_index: Tensor,
    true_boxes: Tensor,
    true_labels: Tensor,
    true_image_index: Tensor,
    relations: Tensor,
) -> tuple[Tensor, Tensor]:
    """Match detections to the annotation of their images; return the targets of training.

    boxes [D, 4], labels [D], image_index [D]: the detections. true_boxes [N, 4] in the same coordinates, true_labels
    [N], true_image_index [N], relations [E, 4] (image, subject, object, predicate): the annotation.

    Returns the classes [D] and the relations [E', 4] of the detections. The class of a detection is that of the
    annotated box with which its IoU is largest, or 0 where that IoU is below .5. An annotated relation holds for every
    pair of two detections whose boxes and classes match its subject and its object.
    """
    overlap = box_iou(boxes, true_boxes) * (image_index[:, None] == true_image_index[None, :])
    if not overlap.numel():
        return torch.zeros_like(labels), relations[:0]
    best, nearest = overlap.max(dim=1)
    targets = torch.where(best >= MIN_IOU, true_labels[nearest], torch.zeros_like(labels))

    matched = (overlap >= MIN_IOU) & (labels[:, None] == true_labels[None, :])
    subjects, objects = matched[:, relations[:, 1]], matched[:, relations[:, 2]]  # [D, E]
    relation, subject, object_ = (subjects.T[:, :, None] & objects.T[:, None, :]).nonzero(as_tuple=True)
    different = subject != object_
    relation, subject, object_ = relation[different], subject[different], object_[different]
    found = torch.stack([relations[relation, 0], subject, object_, relations[relation, 3]], dim=1)
    return targets, found.unique(dim=0)  # two annotated boxes of one object give the same relation twice
