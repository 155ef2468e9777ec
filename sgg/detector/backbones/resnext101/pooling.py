"""RoIAlign from a feature pyramid for boxes whose last pixel belongs to them."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign

from sgg.detector.rcnn import POOLED
from sgg.models.pyramid import pool_own_level
from sgg.models.roi_align import SAMPLES


class PyramidRoIAlign(MultiScaleRoIAlign):  # type: ignore[misc]  # torchvision has no types
    """Pools each box from one of the first `levels` levels, by `sgg.models.pyramid.level_of`. stride: pixels of a cell
    of the finest level."""

    def __init__(self, levels: int, stride: int) -> None:
        super().__init__([str(level) for level in range(levels)], POOLED, SAMPLES)
        self.stride = stride

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """[K, C, 7, 7]. x: the levels by name. boxes: of each image, [n, 4] with x2, y2 behind the last pixel."""
        images = torch.cat([torch.full((len(of_image),), image, device=of_image.device)
                            for image, of_image in enumerate(boxes)])
        every = torch.cat(boxes)
        to_last = every.new_tensor([0.0, 0.0, 1.0, 1.0])
        return pool_own_level([x[name] for name in self.featmap_names], every - to_last, images, POOLED,
                              1 / self.stride)
