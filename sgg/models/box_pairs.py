"""A learned embedding of the relative position of two boxes (docs/SYSTEM.md section 2, "Edges")."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sgg.config.edge_boxes import current_name

from .union_boxes import DRAWINGS, draw

STRIDES = {"published": (16, 16), "intended": (2, 1)}
CENTRE = {"union_frame": 0.5, "image_frame": 0.5, "image_cells": 0.0}
"""What the embedding takes away from each kind of drawing."""
SIZE, KERNEL, PADDING = 27, 7, 3
"""Cells along a side of a drawing, and the first convolution of it."""


class BoxPairEmbedding(nn.Module):
    """A learned embedding of the drawn boxes, which is added to the pooled features of their union box.

    channels: of the feature map. kind: as in `draw`. strides: `published` is 16 and 16, a mistake on which the papers'
    weights depend (the output is one vector for all 7 x 7 cells); `intended` is 2 and 1.
    """

    def __init__(self, channels: int, kind: str = "union_frame", strides: str = "published"):
        super().__init__()
        kind = current_name(kind)
        if kind not in DRAWINGS:
            raise ValueError(f"kind must be one of {', '.join(DRAWINGS)}, got {kind!r}")
        if strides not in STRIDES:
            raise ValueError(f"strides must be one of {', '.join(STRIDES)}, got {strides!r}")
        self.kind, self.strides = kind, strides
        first, second = STRIDES[strides]
        self.conv = nn.Sequential(
            nn.Conv2d(2, channels // 2, KERNEL, stride=first, padding=PADDING),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(channels // 2, momentum=0.01),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(channels // 2, channels, 3, stride=second, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(channels, momentum=0.01),
        )

    def forward(self, boxes1: Tensor, boxes2: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, channels, h, w], where h = w = 1 (published) or 7 (intended). image_sizes: [P, 2] height and width."""
        with torch.autocast(boxes1.device.type, enabled=False):  # bf16 would round the drawings
            if self.strides == "published":
                return self._of_windows(boxes1, boxes2, image_sizes)
            return self.conv(self.drawing(boxes1, boxes2, image_sizes) - CENTRE[self.kind])

    @property
    def cells(self) -> int:
        """h x w of the embedding."""
        return 1 if self.strides == "published" else 49

    def drawing(self, boxes1: Tensor, boxes2: Tensor, image_sizes: Tensor, lines: Tensor | None = None) -> Tensor:
        """[P, 2, 27, 27] the drawn boxes, subject first. lines: as in `draw`."""
        return draw(boxes1, boxes2, SIZE, self.kind, image_sizes, lines)

    def _of_windows(self, boxes1: Tensor, boxes2: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, channels, 1, 1] what `conv` gives with strides of 16, with two products in place of its convolutions.

        The windows of the first convolution do not overlap: they read 2 x 7 lines, of which the first three are
        padding. So only the others are drawn. The second convolution reads one cell, with the centre of its kernel.
        """
        first, second = cast(nn.Conv2d, self.conv[0]), cast(nn.Conv2d, self.conv[4])
        cells = torch.arange(2 * KERNEL - PADDING, device=boxes1.device)
        lines = cells + (cells >= KERNEL - PADDING) * (STRIDES["published"][0] - KERNEL)  # 0 to 3, 13 to 19
        drawn = self.drawing(boxes1, boxes2, image_sizes, lines) - CENTRE[self.kind]
        padded = F.pad(drawn, (PADDING, 0, PADDING, 0))
        windows = padded.unflatten(3, (2, KERNEL)).unflatten(2, (2, KERNEL)).permute(0, 2, 4, 1, 3, 5)
        hidden = F.linear(windows.flatten(3), first.weight.flatten(1), first.bias).permute(0, 3, 1, 2)
        hidden = F.linear(self.conv[1:4](hidden).flatten(1), second.weight[:, :, 1, 1], second.bias)
        return self.conv[5:](hidden[:, :, None, None])
