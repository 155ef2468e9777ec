"""The annotation of many images in a few flat arrays, cheap to filter, to count and to share with worker processes.

Legend: I images, T objects of all images, U relations of all images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sgg.data import boxes as box_math
from sgg.data.findings import Finding
from sgg.structures import SceneGraph

if TYPE_CHECKING:
    import torch

ROUNDING = 1.0  # pixels that a box may leave its picture by without being found: whole numbers and scales do that


@dataclass(frozen=True, eq=False)
class Annotations:
    """Annotated images. Image i owns the objects box_ptr[i]:box_ptr[i+1] and the relations rel_ptr[i]:rel_ptr[i+1].

    files: [I] str, picture files below the image folder. sizes: [I, 2] int64 height, width. box_ptr, rel_ptr: [I + 1]
    int64. boxes: [T, 4] float32 x1, y1, x2, y2 in pixels of the picture. labels: [T] int64. relations: [U, 3] int64
    subject, object (counted within the image), predicate.
    """

    files: np.ndarray
    sizes: np.ndarray
    box_ptr: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    rel_ptr: np.ndarray
    relations: np.ndarray

    def __len__(self) -> int:
        return len(self.files)

    def __reduce__(self):
        return _restore, tuple(self._packed)

    @cached_property
    def _packed(self) -> list[tuple[torch.Tensor, str, tuple[int, ...]]]:
        """Each array as bytes in a tensor: torch moves those into shared memory when it starts a worker, once for all
        workers, where numpy arrays would be copied to each. Kept, or every worker would make its own.
        """
        import torch  # only workers need it; the annotation itself does not

        return [(torch.from_numpy(np.ascontiguousarray(array).reshape(-1).view(np.uint8)), array.dtype.str, array.shape)
                for array in self.arrays]

    @property
    def arrays(self) -> list[np.ndarray]:
        """All that is known, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]

    @property
    def objects_per_image(self) -> np.ndarray:
        """[I] number of objects."""
        return np.diff(self.box_ptr)

    @property
    def relations_per_image(self) -> np.ndarray:
        """[I] number of relations."""
        return np.diff(self.rel_ptr)

    @property
    def image_of_object(self) -> np.ndarray:
        """[T] the image of each object."""
        return np.repeat(np.arange(len(self)), self.objects_per_image)

    @property
    def image_of_relation(self) -> np.ndarray:
        """[U] the image of each relation."""
        return np.repeat(np.arange(len(self)), self.relations_per_image)

    @property
    def related_objects(self) -> np.ndarray:
        """[U, 2] subject and object of each relation as rows of `boxes`."""
        return self.relations[:, :2] + np.repeat(self.box_ptr[:-1], self.relations_per_image)[:, None]

    @cached_property
    def triplets(self) -> np.ndarray:
        """[U, 3] subject class, predicate class, object class of each relation."""
        subjects, objects = self.labels[self.related_objects].T
        return np.stack([subjects, self.relations[:, 2], objects], axis=1)

    def graph(self, image: int) -> SceneGraph:
        """The scene graph of one image, in arrays of its own."""
        objects = slice(self.box_ptr[image], self.box_ptr[image + 1])
        relations = slice(self.rel_ptr[image], self.rel_ptr[image + 1])
        return SceneGraph(self.boxes[objects].copy(), self.labels[objects].copy(), self.relations[relations].copy())

    def select(self, images: np.ndarray) -> Annotations:
        """Only `images` (indices, or a mask over all), in that order."""
        images = np.flatnonzero(images) if images.dtype == bool else images
        objects, box_ptr = _rows(self.box_ptr, images)
        relations, rel_ptr = _rows(self.rel_ptr, images)
        return Annotations(self.files[images], self.sizes[images], box_ptr, self.boxes[objects], self.labels[objects],
                           rel_ptr, self.relations[relations])

    def keep_relations(self, mask: np.ndarray) -> Annotations:
        """Only the relations of `mask` [U]; all images and objects stay."""
        kept_before = np.concatenate([[0], np.cumsum(mask)])
        return replace(self, rel_ptr=kept_before[self.rel_ptr], relations=self.relations[mask])

    def with_relations(self) -> Annotations:
        """Only the images that have a relation."""
        return self.select(self.relations_per_image > 0)


def _restore(*packed: tuple[torch.Tensor, str, tuple[int, ...]]) -> Annotations:
    return Annotations(*(data.numpy().view(dtype).reshape(shape) for data, dtype, shape in packed))


def _rows(ptr: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that `images` own under the offsets `ptr`, and the offsets of these rows once gathered."""
    counts = np.diff(ptr)[images]
    gathered = np.concatenate([[0], np.cumsum(counts)])
    return np.arange(gathered[-1]) + np.repeat(ptr[images] - gathered[:-1], counts), gathered


def checked(annotations: Annotations, source: str, num_classes: int, num_predicates: int,
            stray_share: float = 0.0) -> tuple[Annotations, tuple[Finding, ...]]:
    """The same annotations, their boxes clipped to the pictures, once everything in them fits together; and what was
    found in them.

    source: names the file in messages. num_classes, num_predicates: with background. stray_share: the share of boxes
    that may lie wholly outside their pictures (published files hold a few); such a box becomes a strip at the border.

    Raises ValueError naming `source`, the image and the object or relation.
    """
    objects, relations = annotations.image_of_object, annotations.image_of_relation

    def refuse(kind: str, wrong: np.ndarray, text: str, values: np.ndarray) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            owners, ptr = (objects, annotations.box_ptr) if kind == "object" else (relations, annotations.rel_ptr)
            raise ValueError(f"{source}: image {annotations.files[owners[row]]}, {kind} {row - ptr[owners[row]]}: "
                             f"{text.format(values[row].tolist())}{_more(wrong, kind)}")

    boxes, labels, ends = annotations.boxes, annotations.labels, annotations.relations[:, :2]
    sizes = annotations.sizes[objects]
    refuse("object", ~np.isfinite(boxes).all(axis=1), "box {} is not finite", boxes)
    refuse("object", (labels < 1) | (labels >= num_classes), f"class {{}} is not in 1..{num_classes - 1}", labels)
    refuse("object", (boxes[:, 2:] <= boxes[:, :2]).any(axis=1), "box {} (x1 y1 x2 y2) has no area", boxes)
    strays = box_math.outside(boxes, sizes)
    if strays.sum() > stray_share * len(boxes):
        height, width = sizes[np.argmax(strays)]
        refuse("object", strays, f"box {{}} (x1 y1 x2 y2) lies outside the picture of {width}x{height} pixels", boxes)

    counts = annotations.objects_per_image[relations][:, None]
    refuse("relation", ((ends < 0) | (ends >= counts)).any(axis=1), "objects {} are not all in this image", ends)
    predicates = annotations.relations[:, 2]
    refuse("relation", (predicates < 1) | (predicates >= num_predicates),
                    f"predicate {{}} is not in 1..{num_predicates - 1}", predicates)
    return replace(annotations, boxes=box_math.clip(boxes, sizes)), tuple(_findings(annotations))


def _findings(annotations: Annotations) -> Iterator[Finding]:
    """What is known of boxes before they are clipped, and of images that have none."""
    boxes, objects = annotations.boxes, annotations.image_of_object
    sizes = annotations.sizes[objects]
    strays = box_math.outside(boxes, sizes)
    cut = box_math.leaves(boxes, sizes, ROUNDING) & ~strays
    if cut.any():
        yield Finding("clipped boxes", int(cut.sum()), len(boxes), _place(annotations, cut),
                      "A box that leaves its picture is cut off at the border.")
    if strays.any():
        yield Finding("boxes outside their pictures", int(strays.sum()), len(boxes), _place(annotations, strays),
                      "The box becomes a strip of one pixel at the border.", "fault")
    empty = annotations.objects_per_image == 0
    if empty.any():
        yield Finding("images without objects", int(empty.sum()), len(annotations),
                      f"image {annotations.files[np.argmax(empty)]}", "The image is in no part.")


def _place(annotations: Annotations, wrong: np.ndarray) -> str:
    """The first object of `wrong` [T], in words."""
    row = int(np.argmax(wrong))
    image = annotations.image_of_object[row]
    height, width = annotations.sizes[image].tolist()
    return (f"image {annotations.files[image]}, object {row - annotations.box_ptr[image]}: box "
            f"{annotations.boxes[row].tolist()} (x1 y1 x2 y2) in a picture of {width}x{height} pixels")


def _more(wrong: np.ndarray, kind: str) -> str:
    others = int(wrong.sum()) - 1
    return f" (and so for {others} more {kind}s)" if others else ""
