"""The three detectors by name: torchvision's own R-CNN classes, with random weights, never downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.models.vgg import cfgs, make_layers
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign

POOLED = 7  # cells along a side of a pooled region
DETECTIONS = 50  # per image
LOWEST_SCORE = 0.01  # the last score threshold that `Detector.detect` falls back on


@dataclass(frozen=True)
class Backbone:
    """What one kind of detector looks like from outside.

    build: (num_classes, image_size, settings common to all) -> the R-CNN. image_size: longer side of the resized
    picture in pixels. divisor: padded pictures are a multiple of this. stride: pixels a cell of the global map.
    channels: of the global map. head_dim: width of the box head. dropout and edge_relu: of the box head's copies in
    the scene-graph model (see BoxHead).
    """

    build: Callable[..., FasterRCNN]
    image_size: int
    divisor: int
    stride: int
    channels: int
    head_dim: int
    dropout: float = 0.0
    edge_relu: bool = True

    def map_size(self, image_size: int) -> int:
        """Cells along a side of the global map of a picture resized to `image_size` pixels."""
        return -(-image_size // self.divisor) * self.divisor // self.stride


def _vgg16(num_classes: int, **common: object) -> FasterRCNN:
    body = make_layers(cfgs["D"])[:-1]
    for layer in body:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    body.out_channels = 512
    anchors = AnchorGenerator(((32, 64, 128, 256, 512),), ((0.5, 1.0, 2.0),))
    return _single_level(body, num_classes, anchors, head_dim=4096, **common)


def _resnet50(num_classes: int, **common: object) -> MaskRCNN:
    # eps 0 as torchvision sets it for its published Mask R-CNN weights.
    body = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5,
                               norm_layer=partial(FrozenBatchNorm2d, eps=0.0))
    rcnn = MaskRCNN(body, num_classes, **common)
    rcnn.roi_heads.mask_predictor = None  # scene graphs need boxes only; the published weights have none either
    return rcnn


class TinyBody(nn.Sequential):
    """Four convolutions to 32 channels at stride 8: enough for the toy genome's 176-pixel pictures."""

    out_channels = 32

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((3, 24, 2), (24, 32, 2), (32, 32, 2), (32, 32, 1)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs),
                       nn.ReLU(inplace=True)]
        super().__init__(*layers)


def _tiny(num_classes: int, **common: object) -> FasterRCNN:
    anchors = AnchorGenerator(((12, 24, 48, 96),), ((0.5, 1.0, 2.0),))
    return _single_level(TinyBody(), num_classes, anchors, head_dim=128,
                         rpn_pre_nms_top_n_train=300, rpn_post_nms_top_n_train=100, rpn_batch_size_per_image=64,
                         rpn_pre_nms_top_n_test=300, rpn_post_nms_top_n_test=150, box_batch_size_per_image=64, **common)


def _single_level(body: nn.Module, num_classes: int, anchors: AnchorGenerator, head_dim: int,
                  **settings: object) -> FasterRCNN:
    """FasterRCNN with one map and a box head of its own width."""
    return FasterRCNN(body, rpn_anchor_generator=anchors,
                      box_roi_pool=MultiScaleRoIAlign(["0"], POOLED, sampling_ratio=2),
                      box_head=TwoMLPHead(body.out_channels * POOLED**2, head_dim),
                      box_predictor=FastRCNNPredictor(head_dim, num_classes), **settings)


BACKBONES: dict[str, Backbone] = {
    "vgg16": Backbone(_vgg16, 592, 32, 16, channels=512, head_dim=4096, dropout=0.5, edge_relu=False),
    "resnet50": Backbone(_resnet50, 1333, 32, 64, channels=256, head_dim=1024),
    "tiny": Backbone(_tiny, 176, 16, 8, channels=32, head_dim=128),
}


def build_rcnn(name: str, num_classes: int, image_size: int | None = None) -> FasterRCNN:
    """torchvision's FasterRCNN (`vgg16`, `tiny`) or MaskRCNN without masks (`resnet50`), randomly initialised.

    num_classes: C, background included. image_size: see Backbone; None for the backbone's own.
    Raises ValueError for an unknown name.
    """
    if name not in BACKBONES:
        raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}, got {name!r}")
    backbone = BACKBONES[name]
    size = image_size or backbone.image_size
    return backbone.build(num_classes, min_size=size, max_size=size, size_divisible=backbone.divisor,
                          box_score_thresh=LOWEST_SCORE, box_detections_per_img=DETECTIONS)
