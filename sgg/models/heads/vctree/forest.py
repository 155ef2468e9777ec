"""The binary trees of a batch, level by level, for LSTMs along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sgg.models.head_parts.grid import ObjectGrid

from .growth import NONE, Trees, grow


@dataclass(frozen=True, slots=True)
class Forest:
    """The binary trees of all images of a batch. A level has all objects of one depth, the roots first.

    rows [N]: the objects, level by level. inverse [N]: the place of each object in `rows`. sizes: the number of objects
    of each level. parents, left, right: for each level, the places of parents within the level above, and of children
    within the level below; a missing child has the place behind the last one. images: for each level, the image of each
    of its objects.
    """

    rows: Tensor
    inverse: Tensor
    sizes: list[int]
    parents: tuple[Tensor, ...]
    left: tuple[Tensor, ...]
    right: tuple[Tensor, ...]
    images: tuple[Tensor, ...]

    @classmethod
    def of(cls, scores: Tensor, grid: ObjectGrid) -> Forest:
        """The trees that scores [B, L, L] of pairs make (`grow`).

        Trees are grown on the host. This waits for the device once, for the scores of all images.
        """
        # Padding is marked in the scores, so that nothing else has to be read. A model that has diverged scores NaN.
        marked = torch.nan_to_num(scores.detach()).masked_fill(~grid.real[:, :, None], -torch.inf)
        found = marked.cpu().numpy()
        counts = np.isfinite(found[:, :, 0]).sum(1) if grid.length else np.zeros(len(found), np.int64)
        return cls.of_trees(grow(found, counts), counts, grid.image_index.device)

    @classmethod
    def of_trees(cls, trees: Trees, counts: np.ndarray, device: torch.device) -> Forest:
        """The levels of trees with so many objects in each image [B], on a device."""
        real = np.arange(trees.depth.shape[1]) < counts[:, None]
        image = real.nonzero()[0]
        start = np.cumsum(counts) - counts
        depth = trees.depth[real]
        rows = np.argsort(depth, kind="stable")
        sizes = np.bincount(depth)
        inverse = np.empty_like(rows)
        inverse[rows] = np.arange(len(rows))
        place = inverse - (np.cumsum(sizes) - sizes)[depth]  # within the level of the object

        def places(objects: np.ndarray, missing: np.ndarray | int) -> np.ndarray:
            """The places of related `objects` [B, L], in the order of `rows`."""
            related = objects[real]
            found = place[np.where(related == NONE, 0, start[image] + related)] if len(rows) else related
            return np.where(related == NONE, missing, found)[rows]

        behind = np.append(sizes, 0)[depth + 1]  # the size of the level below
        table = np.stack([rows, inverse, places(trees.binary_parent, 0), places(trees.left, behind),
                          places(trees.right, behind), image[rows]])
        on_device = torch.from_numpy(table.astype(np.int64)).to(device, non_blocking=True)
        of_levels = [row.split(sizes.tolist()) if len(sizes) else () for row in on_device[2:]]
        parents, left, right, images = of_levels
        return cls(on_device[0], on_device[1], sizes.tolist(), parents, left, right, images)

    def levels(self, values: Tensor) -> tuple[Tensor, ...]:
        """The values [N, ...] of the objects of each level."""
        return values[self.rows].split(self.sizes) if self.sizes else ()

    def objects(self, levels: list[Tensor]) -> Tensor:
        """[N, ...] the values of the objects, from those of each level."""
        return torch.cat(levels)[self.inverse]
