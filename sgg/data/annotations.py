"""The annotation of many images in a few flat arrays, which are cheap to filter, to count and to share with workers.

Legend: I images, T objects of all images, U relations of all images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sgg.structures import SceneGraph

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Annotations:
    """Annotated images. Image i owns the objects box_ptr[i]:box_ptr[i+1] and the relations rel_ptr[i]:rel_ptr[i+1].

    files: [I] str, paths of image files below the image folder. sizes: [I, 2] int64 height, width. box_ptr, rel_ptr: [I
    + 1] int64. boxes: [T, 4] float32 x1, y1, x2, y2 in pixels of the image. labels: [T] int64. relations: [U, 3]
    int64 subject, object (counted within the image), predicate.
    """

    files: np.ndarray
    sizes: np.ndarray
    box_ptr: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    rel_ptr: np.ndarray
    relations: np.ndarray

    @classmethod
    def from_rows(cls, files: np.ndarray, sizes: np.ndarray, owners: np.ndarray, boxes: np.ndarray, labels: np.ndarray,
                  ends: np.ndarray, predicates: np.ndarray) -> Annotations:
        """The annotation of objects and relations that come in any order. Those of an image keep their order.

        owners: [T] the image of each object. ends: [U, 2] subject and object of each relation as rows of `boxes`, both
        of one image. predicates: [U].
        """
        order, box_ptr = _by_image(owners, len(files))
        local = np.empty(len(owners), dtype=np.int64)
        local[order] = np.arange(len(owners)) - box_ptr[owners[order]]
        relation_order, rel_ptr = _by_image(owners[ends[:, 0]], len(files))
        relations = np.column_stack([local[ends], predicates])[relation_order]
        return cls(files, sizes, box_ptr, boxes[order], labels[order], rel_ptr, relations)

    @classmethod
    def joined(cls, parts: Sequence[Annotations]) -> Annotations:
        """The annotation of the images of all `parts`, one part after another."""
        def offsets(name: str) -> np.ndarray:
            return np.cumsum(np.concatenate([[0], *(np.diff(getattr(part, name)) for part in parts)]))

        together = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        return cls(**together | {name: offsets(name) for name in ("box_ptr", "rel_ptr")})

    def __len__(self) -> int:
        return len(self.files)

    def __reduce__(self) -> tuple[Callable[..., Annotations], tuple[Any, ...]]:
        return _restore, tuple(self._packed)

    @cached_property
    def _packed(self) -> list[tuple[torch.Tensor, str, tuple[int, ...]]]:
        """Each array as bytes in a tensor. When torch starts workers it moves tensors into shared memory once for all
        of them; numpy arrays would be copied to each. The result is cached, or every worker would get its own copy.
        """
        import torch  # only workers need it

        return [(torch.from_numpy(np.ascontiguousarray(array).reshape(-1).view(np.uint8)), array.dtype.str, array.shape)
                for array in self.arrays]

    @property
    def arrays(self) -> list[np.ndarray]:
        """All arrays, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]

    @property
    def objects_per_image(self) -> np.ndarray:
        """[I] the number of objects of each image."""
        return np.diff(self.box_ptr)

    @property
    def relations_per_image(self) -> np.ndarray:
        """[I] the number of relations of each image."""
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
        """The scene graph of one image. Its arrays are copies."""
        objects = slice(self.box_ptr[image], self.box_ptr[image + 1])
        relations = slice(self.rel_ptr[image], self.rel_ptr[image + 1])
        return SceneGraph(self.boxes[objects].copy(), self.labels[objects].copy(), self.relations[relations].copy())

    def select(self, images: np.ndarray) -> Annotations:
        """The annotation of `images` only (indices, or a mask over all images), in this order."""
        images = np.flatnonzero(images) if images.dtype == bool else images
        objects, box_ptr = _rows(self.box_ptr, images)
        relations, rel_ptr = _rows(self.rel_ptr, images)
        return Annotations(self.files[images], self.sizes[images], box_ptr, self.boxes[objects], self.labels[objects],
                           rel_ptr, self.relations[relations])

    def keep_relations(self, mask: np.ndarray) -> Annotations:
        """The annotation with only the relations of `mask` [U]; all images and objects stay."""
        kept_before = np.concatenate([[0], np.cumsum(mask)])
        return replace(self, rel_ptr=kept_before[self.rel_ptr], relations=self.relations[mask])

    def with_relations(self) -> Annotations:
        """The annotation of only those images that have a relation."""
        return self.select(self.relations_per_image > 0)


def _restore(*packed: tuple[torch.Tensor, str, tuple[int, ...]]) -> Annotations:
    return Annotations(*(data.numpy().view(dtype).reshape(shape) for data, dtype, shape in packed))


def _by_image(owners: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The order that puts rows image by image, from the image of each row; and the offsets [images + 1] of the images.
    """
    return (np.argsort(owners, kind="stable"),
            np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=images))]))


def _rows(ptr: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of `images` under the offsets `ptr`, and the offsets of these rows after gathering them."""
    counts = np.diff(ptr)[images]
    gathered = np.concatenate([[0], np.cumsum(counts)])
    return np.arange(gathered[-1]) + np.repeat(ptr[images] - gathered[:-1], counts), gathered
