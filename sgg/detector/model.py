"""The frozen object detector. From images it computes a global feature map, detections, and class scores of given
boxes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou

from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.plugin_errors import naming_faults
from sgg.models.box_head import BoxHead, PyramidBoxHead
from sgg.models.pyramid import pack
from sgg.structures import Detections, DetectorOutputs

from .all_classes import detect_with_all_classes
from .pixels import as_floats
from .rcnn import LOWEST_SCORE, POOLED, build_rcnn

SCORE_THRESHOLDS = (0.2, 0.05, LOWEST_SCORE)
"""Score thresholds of detections. If no two detections overlap, so that there is no pair, the next one is used."""

Size = tuple[int, int]  # height, width
Output = Literal["object_logits", "detections", "class_detections"]
"""What a caller may want beside the maps: class scores of annotated boxes; detections; these with scores and boxes for
every class."""


class Features(NamedTuple):
    """The global map [B, C, h, w] of B images and their sizes (height, width) in the detector's frame."""

    map: Tensor
    frames: list[Size]


class Detector(nn.Module):
    """A torchvision R-CNN that does not train: it is always in eval mode and without gradients.

    Pre-training works on `rcnn` directly and calls `freeze` at the end.

    rcnn: torchvision's module. settings: of the backbone; a name stands for its defaults. backbone: its name. channels,
    map_size, map_shape, levels: of the global map. head_dim: width of the box head. stride: pixels of the detector's
    frame per cell of the global map. own_sizes: as in `DetectorSpec`. Raises PluginError that names file and line where
    a plugin's backbone cannot be built.
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
        self.map_size, self.map_shape = spec.map_size(self.image_size), spec.map_shape(self.image_size)
        self.levels, self.own_sizes = spec.levels, spec.own_sizes
        self.head_dim = spec.head_dim
        self.stride = spec.stride
        self._padded = self.map_size * spec.stride  # the side of every padded image
        self._frames: dict[int, int] = {}
        self.freeze()

    def freeze(self) -> Detector:
        """Switch to eval mode and switch gradients off."""
        self.requires_grad_(False)
        return self.train(False)

    def train(self, mode: bool = True) -> Detector:
        """Stay in eval mode, even if the surrounding model trains."""
        return super().train(False)

    @torch.no_grad()
    def outputs(self, images: Sequence[Tensor], sides: Sequence[int], boxes: Sequence[Tensor] = (),
                wanted: Collection[Output] = ()) -> DetectorOutputs:
        """The maps of B images, and what else is `wanted`. Each image is computed by itself, so its outputs do not
        depend on the others. Images and boxes may be on any device; the outputs are on that of the detector.

        images: [3, s, s], squares of any resolution, uint8 or floating point in [0, 1]. sides: the longer side of each
        image in its own pixels. A square that already has the side `frame_of` of it is not resized again.
        boxes: of each image the annotated boxes [N, 4] in its pixels, for `object_logits`.

        Raises ValueError for images of another type, as all methods do that take images.
        """
        device = next(self.parameters()).device
        views = [self._view(image.to(device, non_blocking=True), side)
                 for image, side in zip(images, sides, strict=True)]
        logits: Tensor | None = None
        found: tuple[Detections, ...] | None = None
        if "object_logits" in wanted:
            logits = torch.cat([self._logits(view, scaled(one.to(device), side, view.frame[0]))
                                for view, one, side in zip(views, boxes, sides, strict=True)])
        if not {"detections", "class_detections"}.isdisjoint(wanted):
            found = tuple(self._detect(view, (side, side), "class_detections" in wanted)
                          for view, side in zip(views, sides, strict=True))
        return DetectorOutputs(self._features(views).map, logits, found)

    def frame_of(self, side: int) -> int:
        """The side, in the detector's frame, of a square image of `side` pixels. Rounding may make it a pixel smaller
        than `image_size`."""
        if side not in self._frames:
            with torch.device("meta"):
                self._frames[side] = self.rcnn.transform.resize(torch.empty(3, side, side))[0].shape[-1]
        return self._frames[side]

    @torch.no_grad()
    def features(self, images: Sequence[Tensor]) -> Features:
        """The global map of B images [3, s, s], uint8 or floating point in [0, 1]: the backbone's only level, the last
        of its pyramid, or the first `levels` of it, packed (`sgg.models.pyramid`)."""
        return self._features([self._view(image) for image in images])

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor], for_all_classes: bool = False) -> tuple[list[Detections], Features]:
        """Detect at most 50 objects in each of B images [3, s, s]. Returns them and the features of the images.

        for_all_classes: also return scores and boxes for every class.

        If no two overlapping objects pass a score threshold, the next of SCORE_THRESHOLDS is used. Even under the last
        one, an image may have no objects, a single one, or only objects that do not overlap.
        """
        views = [self._view(image) for image in images]
        return ([self._detect(view, _size(image), for_all_classes) for view, image in zip(views, images, strict=True)],
                self._features(views))

    @torch.no_grad()
    def classify(self, images: Sequence[Tensor], boxes: Tensor, image_index: Tensor) -> Tensor:
        """[N, C] class probabilities of given boxes, by the detector's own box head.

        boxes: [N, 4] in pixels of the images. image_index: [N] the image of each box, ascending.
        """
        views = [self._view(image) for image in images]
        resized = resize_boxes(boxes, image_index, [_size(image) for image in images], [view.frame for view in views])
        counts = torch.bincount(image_index, minlength=len(images)).tolist()
        return torch.cat([self._logits(*one) for one in zip(views, resized.split(counts), strict=True)]).softmax(1)

    def logits_of(self, pooled: Tensor) -> Tensor:
        """[N, C] scores before softmax of pooled regions [N, channels, 7, 7]. Gradients flow to the regions."""
        heads = self.rcnn.roi_heads
        return heads.box_predictor(heads.box_head(pooled))[0]

    def box_head_copy(self, role: str, dropout: float | None = None) -> BoxHead:
        """A trainable copy of the detector's box head for the scene-graph model's nodes or edges.

        role: "node" or "edge". dropout: None for the backbone's own (.5 with VGG16, else 0).
        """
        if role not in ("node", "edge"):
            raise ValueError(f"role must be node or edge, got {role!r}")
        spec, source = self.settings.spec, self.rcnn.roi_heads.box_head
        pools_all = self.levels > 1 and role == "edge"
        kind = partial(PyramidBoxHead, self.channels, self.levels) if pools_all else BoxHead
        with torch.device("meta"):  # without drawing 120 million random numbers for VGG16
            head = kind(self.channels * POOLED**2, self.head_dim, spec.dropout if dropout is None else dropout,
                        final_relu=spec.edge_relu or role == "node")
        weights = {name: value.clone() for name, value in source.state_dict().items()}
        if isinstance(head, PyramidBoxHead):  # the detector has no such layer
            fresh = torch.nn.Conv2d(head.reduce.in_channels, head.reduce.out_channels, 3, padding=1)
            weights |= {f"reduce.{name}": value for name, value in fresh.state_dict().items()}
        head.load_state_dict(weights, assign=True)
        return head

    def _view(self, image: Tensor, side: int | None = None) -> _View:
        """An image through the backbone, padded to the size of the largest image. side: its longer side in its own
        pixels, where a loader may have resized it."""
        transform, pixels = self.rcnn.transform, as_floats(image, next(self.parameters()).dtype)
        if side is not None and pixels.shape[-1] == self.frame_of(side):
            pixels = transform.normalize(pixels)
            resized = ImageList(transform.batch_images([pixels], transform.size_divisible), [_size(pixels)])
        else:
            resized, _ = transform([pixels])
        height, width = resized.tensors.shape[-2:]
        padded = pad(resized.tensors, (0, self._padded - width, 0, self._padded - height))
        maps = self.rcnn.backbone(padded)
        return _View(ImageList(padded, resized.image_sizes), {"0": maps} if isinstance(maps, Tensor) else maps)

    def _logits(self, view: _View, boxes: Tensor) -> Tensor:
        """[n, C] scores before softmax of boxes [n, 4] in the detector's frame."""
        boxes = boxes + self._behind_last(boxes)
        return self.logits_of(self.rcnn.roi_heads.box_roi_pool(view.pyramid, [boxes], [view.frame]))

    def _behind_last(self, boxes: Tensor) -> Tensor:
        """[4] what must be added to a box in pixels so that it ends behind its last pixel, as torchvision's do."""
        added = float(self.settings.spec.last_pixel)
        return boxes.new_tensor([0.0, 0.0, added, added])

    def _features(self, views: Sequence[_View]) -> Features:
        """The global maps of views, and their sizes."""
        return Features(torch.cat([view.map(self.levels) for view in views]), [view.frame for view in views])

    def _detect(self, view: _View, size: Size, for_all_classes: bool) -> Detections:
        """The detections in a view of an image of `size` (height, width)."""
        heads, frames = self.rcnn.roi_heads, [view.frame]
        proposals, _ = self.rcnn.rpn(view.padded, view.pyramid)
        if for_all_classes:
            found = [one._asdict() for one in detect_with_all_classes(heads, view.pyramid, proposals, frames)]
        else:
            found, _ = heads(view.pyramid, proposals, frames)
        for boxes in (value for name, value in found[0].items() if name.endswith("boxes")):
            boxes -= self._behind_last(boxes)
        (one,) = self.rcnn.transform.postprocess(found, frames, [size])
        if for_all_classes:
            first_image = one["labels"].new_zeros(one["class_boxes"].shape[:2]).flatten()
            one["class_boxes"] = resize_boxes(one["class_boxes"].flatten(0, 1), first_image, frames,
                                              [size]).view_as(one["class_boxes"])
        return above_threshold(**one)


class _View(NamedTuple):
    """One image as the detector sees it: padded [1, 3, s, s] with its size in the frame, and the levels of its pyramid.
    """

    padded: ImageList
    pyramid: dict[str, Tensor]

    def map(self, levels: int) -> Tensor:
        """[1, C, h, w] the last level, or the first `levels` packed."""
        if levels > 1:
            return pack([*self.pyramid.values()][:levels])
        return list(self.pyramid.values())[-1].contiguous()

    @property
    def frame(self) -> Size:
        """Height and width in the detector's frame."""
        height, width = self.padded.image_sizes[0]
        return height, width


def scaled(boxes: Tensor, before: int, after: int) -> Tensor:
    """Boxes [N, 4] of a square image whose side changes from `before` to `after`, as `resize_boxes` scales them."""
    return boxes * float(np.float32(after) / np.float32(before))


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


def _size(image: Tensor) -> Size:
    return image.shape[-2], image.shape[-1]
