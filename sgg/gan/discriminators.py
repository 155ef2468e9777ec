"""Discriminators of region features and of whole maps, spectrally normalised (docs/SYSTEM.md section 4).

Spectral norm is the hook version, `torch.nn.utils.spectral_norm`: in training mode every forward pass, for whatever
update, makes one power iteration; in evaluation mode none. The published checkpoints carry its `weight_orig`,
`weight_u` and `weight_v`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

GLOBAL_STAGES = 3


class ClassConditionalConv(nn.Conv2d):
    """An unpadded convolution of features stacked with the one-hot class of their row, without building the stack.

    A one-hot plane is constant over a map, so what it adds is the sum of its kernel: one vector per class.
    """

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """features [N, D, h, w], labels [N] in 0 .. in_channels - D - 1 -> [N, out_channels, ...]."""
        channels = features.shape[1]
        of_class = self.weight[:, channels:].sum(dim=(2, 3)).t()[labels]
        return F.conv2d(features, self.weight[:, :channels], self.bias) + of_class[:, :, None, None]


class RegionDiscriminator(nn.Module):
    """Is this feature of a node (edge) real, given its class (predicate)?

    channels: D of the features. num_classes: of their labels, background included. pool_size: their side p, at least 7.
    """

    def __init__(self, channels: int, num_classes: int, pool_size: int = 7):
        super().__init__()
        if channels % 8:
            raise ValueError(f"channels must be divisible by 8 for a discriminator of regions, got {channels}")
        if pool_size < 7:
            raise ValueError(f"pool_size must be at least 7 for a discriminator of regions, got {pool_size}")
        wide, middle, narrow = channels // 2, channels // 4, channels // 8
        self.layers = nn.Sequential(
            spectral_norm(ClassConditionalConv(channels + num_classes, wide, 3)), nn.ReLU(),
            spectral_norm(nn.Conv2d(wide, middle, 3)), nn.ReLU(),
            spectral_norm(nn.Conv2d(middle, narrow, 1)), nn.ReLU(),
            spectral_norm(nn.Conv2d(narrow, 1, 3)))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """features [N, D, p, p], labels [N] -> logits [N, 1, p - 6, p - 6], positive for real."""
        stacked, *rest = self.layers
        hidden = stacked(features, labels)
        for layer in rest:
            hidden = layer(hidden)
        return hidden


class GlobalDiscriminator(nn.Module):
    """Is this whole feature map real?

    channels: D of the map. map_size: its side s. large: a 1x1 convolution more in every stage. stages: of convolution
    and halving before the verdict; by default three as published, which need s >= 38, or as many as the map has room
    for (two from 18, one from 8).

    Raises ValueError where the map is too small for the stages.
    """

    def __init__(self, channels: int, map_size: int, *, large: bool = False, stages: int | None = None):
        super().__init__()
        if channels % 4:
            raise ValueError(f"channels must be divisible by 4 for a global discriminator, got {channels}")
        if stages is None:
            stages = next((n for n in range(GLOBAL_STAGES, 1, -1) if smallest_map(n) <= map_size), 1)
        least = smallest_map(stages)
        if map_size < least:
            raise ValueError(f"a global discriminator of {stages} stage(s) needs a map of at least {least} x {least}, "
                             f"got {map_size} x {map_size}: take fewer stages, or leave it out of `levels`")
        widths = [channels, channels // 2, channels // 2, channels // 4][:stages + 1]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 3)), nn.LeakyReLU(0.2),
                       *([spectral_norm(nn.Conv2d(outputs, outputs, 1)), nn.LeakyReLU(0.2)] if large
                         else [nn.Identity(), nn.Identity()]),
                       nn.AvgPool2d(2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3)))

    def forward(self, maps: Tensor) -> Tensor:
        """maps [B, D, s, s] -> logits [B, 1, .., ..], positive for real."""
        return self.layers(maps)


def smallest_map(stages: int) -> int:
    """The least side of a map that a global discriminator of so many stages can take: 8, 18, 38, ..."""
    size = 3
    for _ in range(stages):
        size = 2 * size + 2
    return size
