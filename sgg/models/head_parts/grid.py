"""The objects of a batch in a grid with one row for each image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sgg.common.counting import counted


@dataclass(frozen=True, slots=True)
class ObjectGrid:
    """The place of each object in a grid [B, L]: one row for each image, and the objects of the image from its left
    end. The rest of a row is padding.

    image_index [N] and column [N]: row and column of each object. counts [B]: the objects of each image. length: L.
    """

    image_index: Tensor
    column: Tensor
    counts: Tensor
    length: int

    @classmethod
    def of(cls, image_index: Tensor, num_images: int, largest: int | None = None) -> ObjectGrid:
        """The grid of objects of the images `image_index` [N], ascending.

        num_images: B. largest: L, at least the most objects of an image; None: they are counted, which waits for the
        device.
        """
        counts = counted(image_index, num_images)
        column = torch.arange(len(image_index), device=image_index.device) - (counts.cumsum(0) - counts)[image_index]
        if largest is None:
            largest = int(counts.max()) if num_images else 0
        return cls(image_index, column, counts, largest)

    @property
    def real(self) -> Tensor:
        """[B, L] whether a place has an object."""
        return torch.arange(self.length, device=self.counts.device) < self.counts[:, None]

    def pad(self, values: Tensor, fill: float = 0.0) -> Tensor:
        """[B, L, ...] values [N, ...] of the objects; padding is `fill`."""
        grid = values.new_full((len(self.counts), self.length, *values.shape[1:]), fill)
        return grid.index_put((self.image_index, self.column), values)

    def unpad(self, values: Tensor) -> Tensor:
        """[N, ...] the values of the objects in a grid [B, L, ...]."""
        return values[self.image_index, self.column]
