"""Encode a batch with the frozen detector: boxes, feature maps, and the detector's own classes and scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgg.detector.model import SCORE_THRESHOLDS, Detector, Output
from sgg.methods.head import Mode
from sgg.models.sampling import all_pairs, overlapping
from sgg.structures import Batch


@dataclass(frozen=True, slots=True)
class Encoding:
    """The objects of a batch with the feature maps and outputs of the detector.

    map: [B, C, h, w] global features. boxes: [N, 4] in the detector's coordinates. image_boxes: [N, 4] the same boxes
    in pixels of the images. image_index: [N]. image_sizes: [B, 2] height and width of each image in the detector's
    coordinates: of the padded square, or of the image in it (`DetectorSpec.own_sizes`). detected_labels: [N] the
    detector's classes, if the boxes are its own too (SGDet). logits: [N, C] its class scores before softmax, if
    requested. class_boxes, image_class_boxes: [N, C, 4] its box of each object for every class, in both coordinates, if
    requested and if the boxes are its own. fallbacks: number of images for which it had to lower its score threshold.
    largest: the most objects of an image; None: unknown on the host.
    """

    map: Tensor
    boxes: Tensor
    image_boxes: Tensor
    image_index: Tensor
    image_sizes: Tensor
    detected_labels: Tensor | None = None
    logits: Tensor | None = None
    class_boxes: Tensor | None = None
    image_class_boxes: Tensor | None = None
    fallbacks: int = 0
    largest: int | None = None

    def to(self, device: torch.device) -> Encoding:
        """The same encoding on another device."""
        moved: dict[str, Any] = {field.name: value.to(device, non_blocking=True) for field in fields(self)
                                 if isinstance(value := getattr(self, field.name), Tensor)}
        return replace(self, **moved)

    def overlapping_pairs(self) -> Tensor:
        """[P, 2] the ordered pairs of one image whose boxes overlap: the candidates of SGDet."""
        pairs = all_pairs(self.image_index)
        return pairs[overlapping(pairs, self.boxes, self.image_index)]


def wanted_outputs(modes: Iterable[Mode], needs: Collection[str]) -> frozenset[Output]:
    """The outputs of the detector, beside its map, that encodings for `modes` take. needs: of the relation head."""
    wanted: set[Output] = set()
    modes = set(modes)
    if "detector_logits" in needs and any(mode != "sgdet" for mode in modes):
        wanted.add("object_logits")
    if "sgdet" in modes:
        wanted.add("detections" if {"detector_logits", "class_boxes"}.isdisjoint(needs) else "class_detections")
    return frozenset(wanted)


def observe(detector: Detector, batch: Batch, wanted: Collection[Output]) -> Batch:
    """The batch with the detector's outputs: those that it has, else computed from its images on the detector's device.

    Raises ValueError where the detector has diverged.
    """
    if batch.outputs is not None:
        return batch
    counts = batch.objects_per_image().tolist()
    outputs = detector.outputs(batch.images, sides_of(batch), batch.boxes.split(counts), wanted)
    if (bad := first_not_finite(outputs.map)) is not None:
        raise ValueError(f"the detector has diverged: its features of image {batch.image_ids[bad]} are not finite; "
                         "train it again with a lower detector.learning_rate, or name another one (detector.weights)")
    return replace(batch, outputs=outputs)


def sides_of(batch: Batch) -> list[int]:
    """The longer side of each image in pixels."""
    sides: list[int] = batch.sizes.amax(dim=1).tolist()
    return sides


def encode_annotated(detector: Detector, batch: Batch, needs: Collection[str] = ()) -> Encoding:
    """Encode the annotated boxes of a batch as objects (SGCls, PredCls).

    needs: with `detector_logits`, the encoding has the detector's scores. The result is on the device of the batch; its
    map and scores are where the detector, or the reader of a store, has put them. Raises what `observe` raises.
    """
    outputs = observe(detector, batch, wanted_outputs(("sgcls",), needs)).outputs
    assert outputs is not None  # observe sets them
    scales, sizes = _frames(detector, batch)
    return Encoding(outputs.map, batch.boxes * scales[batch.image_index, None], batch.boxes, batch.image_index, sizes,
                    logits=outputs.object_logits if "detector_logits" in needs else None,
                    largest=max(batch.objects_per_image().tolist(), default=0))


def encode_detected(detector: Detector, batch: Batch, needs: Collection[str] = ()) -> Encoding:
    """Encode the detector's own boxes as objects (SGDet).

    needs: with `detector_logits` or `class_boxes`, the encoding has the detector's scores and its boxes for every
    class. The result is on the device of the batch; its map is as in `encode_annotated`. Raises what `observe` raises.
    """
    outputs = observe(detector, batch, wanted_outputs(("sgdet",), needs)).outputs
    assert outputs is not None  # observe sets them
    assert outputs.detections is not None
    found = [one.to(batch.boxes.device) for one in outputs.detections]
    image_boxes = torch.cat([one.boxes for one in found])
    counts = torch.tensor([len(one.boxes) for one in found], device=image_boxes.device)
    image_index = torch.arange(len(found), device=image_boxes.device).repeat_interleave(counts)
    scales, sizes = _frames(detector, batch)
    encoding = Encoding(outputs.map, image_boxes * scales[image_index, None], image_boxes, image_index, sizes,
                        torch.cat([one.labels for one in found]),
                        fallbacks=sum(one.threshold < SCORE_THRESHOLDS[0] for one in found),
                        largest=max((len(one.boxes) for one in found), default=0))
    if {"detector_logits", "class_boxes"}.isdisjoint(needs):
        return encoding
    of_image = torch.cat([one.class_boxes for one in found if one.class_boxes is not None])
    return replace(encoding, logits=torch.cat([one.logits for one in found if one.logits is not None]),
                   class_boxes=of_image * scales[image_index, None, None], image_class_boxes=of_image)


def _frames(detector: Detector, batch: Batch) -> tuple[Tensor, Tensor]:
    """[B] by what the pixels of each image are scaled in the detector's frame, and [B, 2] its height and width there.
    """
    sides = sides_of(batch)
    frames = [detector.frame_of(side) for side in sides]
    scales = np.array(frames, np.float32) / np.array(sides, np.float32)
    if detector.own_sizes:
        sizes = batch.sizes.cpu() * torch.from_numpy(scales)[:, None]
    else:
        sizes = torch.tensor(frames)[:, None].expand(-1, 2).contiguous()
    return torch.from_numpy(scales).to(batch.boxes), sizes.to(batch.boxes.device)


def first_not_finite(values: Tensor) -> int | None:
    """The first row of `values` [n, ...] that is not finite; None where all are."""
    finite = torch.isfinite(values)
    return None if finite.all() else int((~finite).reshape(len(values), -1).any(dim=1).nonzero()[0])
