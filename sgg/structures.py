"""The data structures that parts of the system exchange: a scene graph, a prediction, a batch.

Letters of shapes, used in names and docstrings everywhere: N objects (nodes), E annotated relations, P object pairs
(edges of the prediction), C object classes and R predicate classes (both count background as 0), B images. Boxes are
x1, y1, x2, y2 in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:  # annotations are read and checked without importing torch
    import torch
    from torch import Tensor

Array: TypeAlias = "np.ndarray | Tensor"
T = TypeVar("T")


def _check(owner: object, name: str, *shape: int | None) -> None:
    """Raise ValueError unless the field `name` has the given shape; None accepts any length. A list becomes an array.
    """
    array = getattr(owner, name)
    if not hasattr(array, "shape"):
        array = np.array(array) if len(array) else np.empty((0, *(length or 0 for length in shape[1:])), int)
        object.__setattr__(owner, name, array)
    actual = tuple(array.shape)
    if len(actual) != len(shape) or any(want not in (None, got) for want, got in zip(shape, actual, strict=True)):
        expected = ", ".join("*" if want is None else str(want) for want in shape)
        raise ValueError(f"{type(owner).__name__}.{name} must have shape [{expected}], got {list(actual)}")


def to_numpy(array: Array) -> np.ndarray:
    """The values as a numpy array on the host. bfloat16, which numpy does not have, becomes float32."""
    if not hasattr(array, "detach"):
        return np.asarray(array)
    array = array.detach().cpu()
    return (array.float() if str(array.dtype) == "torch.bfloat16" else array).numpy()


@dataclass(frozen=True, slots=True)
class SceneGraph:
    """An annotated image: objects and the relations among them.

    boxes: [N, 4] x1, y1, x2, y2. labels: [N] object classes from 1. relations: [E, 3] subject, object (rows of `boxes`)
    and predicate class from 1. A pair may have several predicates; duplicates are kept. Arrays are numpy or torch and
    are not copied; lists become numpy arrays.

    Raises ValueError, naming the field, when shapes do not fit together.
    """

    boxes: Array
    labels: Array
    relations: Array

    def __post_init__(self) -> None:
        _check(self, "boxes", None, 4)
        _check(self, "labels", len(self.boxes))
        _check(self, "relations", None, 3)

    def __len__(self) -> int:
        return self.boxes.shape[0]

    def numpy(self) -> SceneGraph:
        """The same graph in numpy arrays."""
        return SceneGraph(to_numpy(self.boxes), to_numpy(self.labels), to_numpy(self.relations))

    def triplets(self) -> np.ndarray:
        """[E, 3] subject class, predicate class, object class of each relation."""
        labels, relations = to_numpy(self.labels), to_numpy(self.relations)
        return np.stack([labels[relations[:, 0]], relations[:, 2], labels[relations[:, 1]]], axis=1)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The objects and relations that a model predicts in one image, in the coordinates of its SceneGraph.

    boxes: [N, 4]. labels: [N] predicted classes. label_scores: [N] their probabilities. pairs: [P, 2] subject and
    object rows, in descending order of max_{p>=1} predicate score x both label scores. predicate_scores: [P, R]
    probabilities of the predicates, background in column 0. Arrays are numpy or torch.

    Raises ValueError, naming the field, when shapes do not fit together.
    """

    boxes: Array
    labels: Array
    label_scores: Array
    pairs: Array
    predicate_scores: Array

    def __post_init__(self) -> None:
        _check(self, "boxes", None, 4)
        _check(self, "labels", len(self.boxes))
        _check(self, "label_scores", len(self.boxes))
        _check(self, "pairs", None, 2)
        _check(self, "predicate_scores", len(self.pairs), None)

    def numpy(self) -> Prediction:
        """The same prediction in numpy arrays."""
        return Prediction(*(to_numpy(getattr(self, field.name)) for field in fields(self)))


class Detections(NamedTuple):
    """The detections in one image: boxes [D, 4] in pixels of the image, labels [D] from 1, scores [D] in descending
    order.

    threshold: the score threshold that they passed; it is lower than usual after a fallback. logits: [D, C] scores
    before softmax, and class_boxes: [D, C, 4] boxes for every class, of the proposal of each detection; None unless the
    caller asked for them.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    threshold: float
    logits: Tensor | None = None
    class_boxes: Tensor | None = None

    def to(self, device: torch.device | str) -> Detections:
        """The same detections on another device."""
        return Detections(_moved(self.boxes, device), _moved(self.labels, device), _moved(self.scores, device),
                          self.threshold, _moved(self.logits, device), _moved(self.class_boxes, device))


class DetectorOutputs(NamedTuple):
    """What the frozen detector computes for B images.

    map: [B, C, h, w] float32, the global features. object_logits: [N, C] its class scores of the annotated boxes before
    softmax; detections: of each image; both None unless the caller asked for them.
    """

    map: Tensor
    object_logits: Tensor | None = None
    detections: tuple[Detections, ...] | None = None

    def to(self, device: torch.device | str) -> DetectorOutputs:
        """The same outputs on another device."""
        found = None if self.detections is None else tuple(one.to(device) for one in self.detections)
        return DetectorOutputs(_moved(self.map, device), _moved(self.object_logits, device), found)

    def of_images(self, start: int, stop: int, first: int, last: int) -> DetectorOutputs:
        """The outputs for images `start` to `stop`; their annotated objects are `first` to `last`."""
        return DetectorOutputs(self.map[start:stop],
                               None if self.object_logits is None else self.object_logits[first:last],
                               None if self.detections is None else self.detections[start:stop])


def _moved(value: T, device: torch.device | str) -> T:
    """A tensor on another device; any other value as it is."""
    move: Any = getattr(value, "to", None)
    moved: T = value if move is None else move(device, non_blocking=True)
    return moved


@dataclass(frozen=True, slots=True)
class Batch:
    """B images and their graphs, one after another, on one device.

    images: B tensors [3, s, s] uint8, RGB. Each is a square whose side s is the longer side of the image, or that of
    the detector's frame where a larger image was resized in loading. The image is in the upper left corner; the rest is
    padding (`sgg.data.loading.transforms.PADDING`). There are none where the outputs of the detector are read from a
    store. sizes: [B, 2] int64 height and width of each whole image in pixels. boxes: [N, 4] float32 in pixels of the
    whole image. labels: [N] int64. image_index: [N] int64, ascending: the image of each object. relations: [E, 4] int64
    image, subject, object (rows of `boxes`), predicate. image_ids: B names. views: of each image, its number in the
    split and whether it is mirrored; () where that is unknown. outputs: what the frozen detector computes for these
    images, where it is known already.
    """

    images: tuple[Tensor, ...]
    sizes: Tensor
    boxes: Tensor
    labels: Tensor
    image_index: Tensor
    relations: Tensor
    image_ids: tuple[str, ...]
    views: tuple[tuple[int, bool], ...] = ()
    outputs: DetectorOutputs | None = None

    def __len__(self) -> int:
        return len(self.image_ids)

    def to(self, device: torch.device | str) -> Batch:
        """This batch on another device."""
        outputs = None if self.outputs is None else self.outputs.to(device)
        return replace(self, images=tuple(_moved(image, device) for image in self.images),
                       sizes=_moved(self.sizes, device), boxes=_moved(self.boxes, device),
                       labels=_moved(self.labels, device), image_index=_moved(self.image_index, device),
                       relations=_moved(self.relations, device), outputs=outputs)

    def split(self, count: int) -> list[Batch]:
        """Split into `count` batches of consecutive images, of sizes that differ by at most one.

        A batch of fewer images gives one batch for each image.
        """
        count = min(count, len(self))
        if count <= 1:
            return [self]
        return self._between([len(self) * number // count for number in range(count + 1)])

    def split_by_pairs(self, most: int) -> list[Batch]:
        """Split into batches of consecutive images that have at most `most` ordered pairs of objects together. An image
        with more pairs is a batch by itself."""
        ends, together = [0], 0
        for image, objects in enumerate(self.objects_per_image().tolist()):
            pairs = objects * (objects - 1)
            if image > ends[-1] and together + pairs > most:
                ends.append(image)
                together = 0
            together += pairs
        return self._between([*ends, len(self)]) if len(ends) > 1 else [self]

    def _between(self, ends: list[int]) -> list[Batch]:
        """The batches of the images between each two of `ends`."""
        first = [0, *self.objects_per_image().cumsum(0).tolist()]
        return [self._images(start, stop, first[start], first[stop]) for start, stop in pairwise(ends)]

    def _images(self, start: int, stop: int, first: int, last: int) -> Batch:
        """Images `start` to `stop`; their objects are `first` to `last`."""
        relations = self.relations[(self.relations[:, 0] >= start) & (self.relations[:, 0] < stop)]
        return Batch(self.images[start:stop], self.sizes[start:stop], self.boxes[first:last], self.labels[first:last],
                     self.image_index[first:last] - start, relations - relations.new_tensor([start, first, first, 0]),
                     self.image_ids[start:stop], self.views[start:stop],
                     self.outputs and self.outputs.of_images(start, stop, first, last))

    def objects_per_image(self) -> Tensor:
        """[B] int64 number of objects in each image."""
        return self.image_index.bincount(minlength=len(self))

    def graphs(self) -> list[SceneGraph]:
        """The annotation of each image; indices count from its own first object."""
        counts = self.objects_per_image()
        starts = (counts.cumsum(0) - counts).tolist()
        graphs = []
        for image, (start, count) in enumerate(zip(starts, counts.tolist(), strict=True)):
            rows = self.relations[self.relations[:, 0] == image]
            local = rows[:, 1:] - rows.new_tensor([start, start, 0])
            graphs.append(SceneGraph(self.boxes[start:start + count], self.labels[start:start + count], local))
        return graphs
