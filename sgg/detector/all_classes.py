"""Detections with the detector's scores and boxes for every class. torchvision discards them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import batched_nms
from torchvision.ops import boxes as box_ops


class DetectionsOfAllClasses(NamedTuple):
    """The detections in one image, in the detector's frame.

    boxes [D, 4], labels [D], scores [D]: as torchvision returns them. logits [D, C] and class_boxes [D, C, 4]: those of
    the proposal of each detection.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    logits: Tensor
    class_boxes: Tensor


def detect_with_all_classes(heads: RoIHeads, pyramid: dict[str, Tensor], proposals: list[Tensor],
                            image_sizes: list[tuple[int, int]]) -> list[DetectionsOfAllClasses]:
    """The result of `heads(pyramid, proposals, image_sizes)` in eval mode, with scores and boxes of all classes."""
    logits, regression = heads.box_predictor(heads.box_head(heads.box_roi_pool(pyramid, proposals, image_sizes)))
    counts = [len(one) for one in proposals]
    class_boxes = heads.box_coder.decode(regression, proposals)
    return [_of_image(heads, *one) for one in zip(class_boxes.split(counts), logits.split(counts), image_sizes,
                                                  strict=True)]


def _of_image(heads: RoIHeads, class_boxes: Tensor, logits: Tensor, size: tuple[int, int]) -> DetectionsOfAllClasses:
    class_boxes = box_ops.clip_boxes_to_image(class_boxes, size)
    foreground = logits.shape[1] - 1
    boxes, scores = class_boxes[:, 1:].reshape(-1, 4), logits.softmax(1)[:, 1:].reshape(-1)
    kept = torch.where(scores > heads.score_thresh)[0]
    kept = kept[box_ops.remove_small_boxes(boxes[kept], min_size=1e-2)]
    labels = kept % foreground + 1
    chosen = batched_nms(boxes[kept], scores[kept], labels, heads.nms_thresh)[:heads.detections_per_img]
    kept, labels = kept[chosen], labels[chosen]
    rows = kept // foreground
    return DetectionsOfAllClasses(boxes[kept], labels, scores[kept], logits[rows], class_boxes[rows])
