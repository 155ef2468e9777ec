"""Build torchvision's R-CNN for each backbone, with random weights. Nothing is downloaded."""

from __future__ import annotations

from typing import Protocol

from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign

from sgg.methods.backbone import BACKBONES, Backbone

POOLED = 7  # cells along a side of a pooled region
DETECTIONS = 50  # per image
LOWEST_SCORE = 0.01  # the last fallback of `Detector.detect` for the score threshold


def build_rcnn(backbone: Backbone | str, num_classes: int, image_size: int | None = None) -> FasterRCNN:
    """torchvision's FasterRCNN (`vgg16`, `tiny`) or MaskRCNN without masks (`resnet50`), randomly initialised.

    backbone: its settings, or its name for the defaults. num_classes: C, background included. image_size: see
    `sgg.methods.backbone.DetectorSpec`; None for the backbone's own. Raises ValueError for an unknown name.
    """
    settings = BACKBONES.section_of(backbone)
    spec = settings.spec
    size = image_size or spec.image_size
    return settings.build(num_classes, {
        "min_size": size, "max_size": size, "size_divisible": spec.divisor, "box_score_thresh": LOWEST_SCORE,
        "box_detections_per_img": DETECTIONS})


class Body(Protocol):
    """A module [B, 3, h, w] -> [B, out_channels, ...]."""

    out_channels: int


def single_level(body: Body, num_classes: int, anchors: AnchorGenerator, head_dim: int,
                 **settings: object) -> FasterRCNN:
    """FasterRCNN with one map and a box head of its own width."""
    return FasterRCNN(body, rpn_anchor_generator=anchors,
                      box_roi_pool=MultiScaleRoIAlign(["0"], POOLED, sampling_ratio=2),
                      box_head=TwoMLPHead(body.out_channels * POOLED**2, head_dim),
                      box_predictor=FastRCNNPredictor(head_dim, num_classes), **settings)
