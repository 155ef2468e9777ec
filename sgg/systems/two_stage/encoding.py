"""Encode a batch with the frozen detector: boxes, feature maps, and the detector's own classes and scores."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sgg.detector.model import SCORE_THRESHOLDS, Detector
from sgg.models.sampling import all_pairs, overlapping
from sgg.structures import Batch


@dataclass(frozen=True, slots=True)
class Encoding:
    """The objects of a batch with the feature maps and outputs of the detector.

    map: [B, C, h, w] global features. boxes: [N, 4] in the detector's coordinates. image_boxes: [N, 4] the same boxes
    in pixels of the images. image_index: [N]. image_sizes: [B, 2] height and width of each square image in the
    detector's coordinates. detected_labels: [N] the detector's classes, if the boxes are its own too (SGDet). logits:
    [N, C] its class scores before softmax, if requested. class_boxes, image_class_boxes: [N, C, 4] its box of each
    object for every class, in both coordinates, if requested and if the boxes are its own. fallbacks: number of images
    for which it had to lower its score threshold.
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

    def overlapping_pairs(self) -> Tensor:
        """[P, 2] the ordered pairs of one image whose boxes overlap: the candidates of SGDet."""
        pairs = all_pairs(self.image_index)
        return pairs[overlapping(pairs, self.boxes, self.image_index)]


def encode_annotated(detector: Detector, batch: Batch, needs: Collection[str] = ()) -> Encoding:
    """Encode the annotated boxes of a batch as objects (SGCls, PredCls).

    needs: with `detector_logits`, the detector's scores are computed too. Raises ValueError where the detector has
    diverged.
    """
    logits = None
    if "detector_logits" in needs:
        logits, (feature_map, sizes) = detector.class_logits(batch.images, batch.boxes, batch.image_index)
    else:
        feature_map, sizes = detector.features(batch.images)
    _require_finite(feature_map, batch)
    boxes = detector.resize_boxes(batch.boxes, batch.image_index, batch.images, sizes)
    return Encoding(feature_map, boxes, batch.boxes, batch.image_index, _tensor(sizes, boxes), logits=logits)


def encode_detected(detector: Detector, batch: Batch, needs: Collection[str] = ()) -> Encoding:
    """Encode the detector's own boxes as objects (SGDet).

    needs: with `detector_logits` or `class_boxes`, the detector's scores and its boxes for every class are computed
    too. Raises ValueError where the detector has diverged.
    """
    for_all_classes = not {"detector_logits", "class_boxes"}.isdisjoint(needs)
    found, (feature_map, sizes) = detector.detect(batch.images, for_all_classes=for_all_classes)
    _require_finite(feature_map, batch)
    image_boxes = torch.cat([one.boxes for one in found])
    counts = torch.tensor([len(one.boxes) for one in found], device=image_boxes.device)
    image_index = torch.arange(len(found), device=image_boxes.device).repeat_interleave(counts)
    boxes = detector.resize_boxes(image_boxes, image_index, batch.images, sizes)
    encoding = Encoding(feature_map, boxes, image_boxes, image_index, _tensor(sizes, boxes),
                        torch.cat([one.labels for one in found]),
                        fallbacks=sum(one.threshold < SCORE_THRESHOLDS[0] for one in found))
    if not for_all_classes:
        return encoding
    of_image = torch.cat([one.class_boxes for one in found if one.class_boxes is not None])
    resized = detector.resize_boxes(of_image.flatten(0, 1), image_index.repeat_interleave(of_image.shape[1]),
                                    batch.images, sizes).view_as(of_image)
    return replace(encoding, logits=torch.cat([one.logits for one in found if one.logits is not None]),
                   class_boxes=resized, image_class_boxes=of_image)


def first_not_finite(values: Tensor) -> int | None:
    """The first row of `values` [n, ...] that is not finite; None where all are."""
    finite = torch.isfinite(values)
    return None if finite.all() else int((~finite).reshape(len(values), -1).any(dim=1).nonzero()[0])


def _require_finite(feature_map: Tensor, batch: Batch) -> None:
    if (bad := first_not_finite(feature_map)) is not None:
        raise ValueError(f"the detector has diverged: its features of image {batch.image_ids[bad]} are not finite; "
                         "train it again with a lower detector.learning_rate, or name another one (detector.weights)")


def _tensor(sizes: list[tuple[int, int]], like: Tensor) -> Tensor:
    return torch.tensor(sizes, device=like.device)
