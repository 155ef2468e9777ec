"""The frozen object detector. From images it computes a global feature map, detections, and class scores of given
boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou

from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.plugin_errors import naming_faults
from sgg.models.box_head import BoxHead

from .all_classes import detect_with_all_classes
from .rcnn import LOWEST_SCORE, POOLED, build_rcnn

SCORE_THRESHOLDS = (0.2, 0.05, LOWEST_SCORE)
"""Score thresholds of detections. If no two detections overlap, so that there is no pair, the next one is used."""

Size = tuple[int, int]  # height, width


class Detections(NamedTuple):
    """The detections in one image: boxes [D, 4] in pixels of the image, labels [D] from 1, scores [D] in descending
    order.

    threshold: the score threshold that they passed; below SCORE_THRESHOLDS[0] after a fallback. logits: [D, C] scores
    before softmax, and class_boxes: [D, C, 4] boxes for every class, of the proposal of each detection; None unless the
    caller asked for them.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    threshold: float
    logits: Tensor | None = None
    class_boxes: Tensor | None = None


class Features(NamedTuple):
    """The global map [B, C, h, w] of B images and their sizes (height, width) in the detector's frame."""

    map: Tensor
    frames: list[Size]


class Detector(nn.Module):
    """A torchvision R-CNN that does not train: it is always in eval mode and without gradients.

    Pre-training works on `rcnn` directly and calls `freeze` at the end.

    rcnn: torchvision's module. settings: of the backbone; a name stands for its defaults. backbone: its name. channels,
    map_size: of the global map. head_dim: width of the box head. stride: pixels of the detector's frame per cell of the
    global map. Raises PluginError that names file and line where a plugin's backbone cannot be built.
    """

    def __init__(self, backbone: Backbone | str, num_classes: int, image_size: int | None = None) -> None:
        super().__init__()
        self.settings = BACKBONES.section_of(backbone)
        with naming_faults("detector", type(self.settings)):
            self.rcnn = build_rcnn(self.settings, num_classes, image_size)
        # It saves a quarter of the time on CPUs, and tensor cores need it. Only the order of weights in memory changes.
        self.rcnn.backbone.to(memory_format=torch.channels_last)
        spec = self.settings.spec
        self.backbone = BACKBONES.kind_of(self.settings)
        self.num_classes = num_classes
        self.image_size = image_size or spec.image_size
        self.channels = spec.channels
        self.map_size = spec.map_size(self.image_size)
        self.head_dim = spec.head_dim
        self.stride = spec.stride
        self.freeze()

    def freeze(self) -> Detector:
        """Switch to eval mode and switch gradients off."""
        self.requires_grad_(False)
        return self.train(False)

    def train(self, mode: bool = True) -> Detector:
        """Stay in eval mode, even if the surrounding model trains."""
        return super().train(False)

    @torch.no_grad()
    def features(self, images: Sequence[Tensor]) -> Features:
        """The global map of B images [3, s, s] in [0, 1]: the backbone's only level, or the last of its pyramid."""
        padded, pyramid = self._pyramid(images)
        return Features(_last(pyramid), padded.image_sizes)

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor], for_all_classes: bool = False) -> tuple[list[Detections], Features]:
        """Detect at most 50 objects in each of B images [3, s, s]. Returns them and the features of the images.

        for_all_classes: also return scores and boxes for every class.

        If no two overlapping objects pass a score threshold, the next of SCORE_THRESHOLDS is used. Even under the last
        one, an image may have no objects, a single one, or only objects that do not overlap.
        """
        padded, pyramid = self._pyramid(images)
        proposals, _ = self.rcnn.rpn(padded, pyramid)
        if for_all_classes:
            found = [one._asdict() for one in detect_with_all_classes(self.rcnn.roi_heads, pyramid, proposals,
                                                                      padded.image_sizes)]
        else:
            found, _ = self.rcnn.roi_heads(pyramid, proposals, padded.image_sizes)
        found = self.rcnn.transform.postprocess(found, padded.image_sizes, _sizes(images))
        if for_all_classes:
            for one, before, after in zip(found, padded.image_sizes, _sizes(images), strict=True):
                first_image = one["labels"].new_zeros(one["class_boxes"].shape[:2]).flatten()
                one["class_boxes"] = resize_boxes(one["class_boxes"].flatten(0, 1), first_image, [before],
                                                  [after]).view_as(one["class_boxes"])
        return [above_threshold(**one) for one in found], Features(_last(pyramid), padded.image_sizes)

    @torch.no_grad()
    def classify(self, images: Sequence[Tensor], boxes: Tensor, image_index: Tensor) -> Tensor:
        """[N, C] class probabilities of given boxes, by the detector's own box head.

        boxes: [N, 4] in pixels of the images. image_index: [N] the image of each box, ascending.
        """
        return self.class_logits(images, boxes, image_index)[0].softmax(1)

    @torch.no_grad()
    def class_logits(self, images: Sequence[Tensor], boxes: Tensor, image_index: Tensor) -> tuple[Tensor, Features]:
        """[N, C] scores before softmax of given boxes, see `classify`, and the features of the images."""
        padded, pyramid = self._pyramid(images)
        resized = resize_boxes(boxes, image_index, _sizes(images), padded.image_sizes)
        rois = list(resized.split(torch.bincount(image_index, minlength=len(images)).tolist()))
        pooled = self.rcnn.roi_heads.box_roi_pool(pyramid, rois, padded.image_sizes)
        return self.logits_of(pooled), Features(_last(pyramid), padded.image_sizes)

    def logits_of(self, pooled: Tensor) -> Tensor:
        """[N, C] scores before softmax of pooled regions [N, channels, 7, 7]. Gradients flow to the regions."""
        heads = self.rcnn.roi_heads
        return heads.box_predictor(heads.box_head(pooled))[0]

    def resize_boxes(self, boxes: Tensor, image_index: Tensor, images: Sequence[Tensor],
                     frames: Sequence[Size]) -> Tensor:
        """Convert boxes [N, 4] from pixels of the images to the detector's frame. frames: sizes by `features(images)`.
        """
        return resize_boxes(boxes, image_index, _sizes(images), frames)

    def box_head_copy(self, role: str, dropout: float | None = None) -> BoxHead:
        """A trainable copy of the detector's box head for the scene-graph model's nodes or edges.

        role: "node" or "edge". dropout: None for the backbone's own (.5 with VGG16, else 0).
        """
        if role not in ("node", "edge"):
            raise ValueError(f"role must be node or edge, got {role!r}")
        spec, source = self.settings.spec, self.rcnn.roi_heads.box_head
        with torch.device("meta"):  # without drawing 120 million random numbers for VGG16
            head = BoxHead(self.channels * POOLED**2, self.head_dim, spec.dropout if dropout is None else dropout,
                           final_relu=spec.edge_relu or role == "node")
        head.load_state_dict({name: value.clone() for name, value in source.state_dict().items()}, assign=True)
        return head

    def _pyramid(self, images: Sequence[Tensor]) -> tuple[ImageList, dict[str, Tensor]]:
        padded, _ = self.rcnn.transform(list(images))
        maps = self.rcnn.backbone(padded.tensors)
        return padded, {"0": maps} if isinstance(maps, Tensor) else maps


def resize_boxes(boxes: Tensor, image_index: Tensor, before: Sequence[Size], after: Sequence[Size]) -> Tensor:
    """Scale boxes [N, 4] from images of sizes `before` to sizes `after`; both hold B pairs (height, width).

    image_index: [N] the image of each box.
    """
    ratio = boxes.new_tensor(after) / boxes.new_tensor(before)
    return boxes * ratio.flip(1).repeat(1, 2)[image_index]


def above_threshold(boxes: Tensor, labels: Tensor, scores: Tensor, logits: Tensor | None = None,
                    class_boxes: Tensor | None = None) -> Detections:
    """The detections above the first of SCORE_THRESHOLDS that two overlapping detections pass, else above the last.

    The inputs are in descending order of score, after non-maximum suppression and the limit of 50. Neither step depends
    on detections with lower scores, so the result equals that of running both again with each threshold.
    """
    # [D] whether each detection overlaps one with a higher score.
    meets = (box_iou(boxes, boxes) > 0).tril(-1).any(dim=1)
    counts = [int((scores > threshold).sum()) for threshold in SCORE_THRESHOLDS]
    step = next((i for i, count in enumerate(counts) if meets[:count].any()), len(counts) - 1)
    kept = slice(counts[step])
    return Detections(boxes[kept], labels[kept], scores[kept], SCORE_THRESHOLDS[step],
                      None if logits is None else logits[kept], None if class_boxes is None else class_boxes[kept])


def _last(pyramid: dict[str, Tensor]) -> Tensor:
    return list(pyramid.values())[-1].contiguous()


def _sizes(images: Sequence[Tensor]) -> list[Size]:
    return [(image.shape[-2], image.shape[-1]) for image in images]
