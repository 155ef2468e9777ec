"""The cascaded refinement network: it turns a layout into a feature map, from coarse to fine (Chen and Koltun 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight)
    return conv


class RefinementNetwork(nn.Module):
    """Stages of growing resolution. Each reads the layout, pooled to its size, and the output of the stage before.

    layout_channels: channels of the layout. widths: output channels of the stages, coarsest first. The stages work at
    2, 4, ... times (size // 2 ** stages); the last one works at the size of the layout, whatever that is.
    """

    def __init__(self, layout_channels: int, widths: Sequence[int]):
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(_conv(layout_channels + below, width), nn.BatchNorm2d(width), nn.LeakyReLU(0.2),
                          _conv(width, width), nn.BatchNorm2d(width), nn.LeakyReLU(0.2))
            for below, width in pairwise([1, *widths]))
        self.output = _conv(widths[-1], widths[-1])

    def forward(self, layout: Tensor) -> Tensor:
        """layout [B, layout_channels, s, s] -> [B, widths[-1], s, s]."""
        images, _, size, _ = layout.shape
        coarsest = size >> len(self.stages)
        features = layout.new_zeros(images, 1, coarsest, coarsest)
        for step, stage in enumerate(self.stages, start=1):
            stage_size = coarsest << step if step < len(self.stages) else size
            features = F.interpolate(features, size=stage_size, mode="nearest")
            pooled = layout if stage_size == size else F.adaptive_avg_pool2d(layout, stage_size)
            features = stage(torch.cat([pooled, features], dim=1))
        return self.output(features)
