"""Discriminators of region features and of whole maps, with spectral norm (docs/SYSTEM.md section 4).

Spectral norm is the version with hooks, `torch.nn.utils.spectral_norm`: every forward pass in training mode makes one
power iteration, whichever update it serves; evaluation mode makes none. The published checkpoints hold its
`weight_orig`, `weight_u` and `weight_v`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

UNPOOLED = 24
"""The largest side of a map for which the first stage of the global discriminator does not pool."""


class ClassConditionalConv(nn.Conv2d):
    """An unpadded convolution of features stacked with the one-hot class of their row; the stack is never built.

    The one-hot plane of a class is constant over a map. Its contribution is the sum of its kernel: one vector per
    class.
    """

    # It has the weights of a convolution of the stack, but takes two arguments.
    def forward(self, features: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
        """features [N, D, h, w], labels [N] in 0 .. in_channels - D - 1 -> [N, out_channels, h', w']."""
        channels = features.shape[1]
        of_class = self.weight[:, channels:].sum(dim=(2, 3)).t()[labels]
        return F.conv2d(features, self.weight[:, :channels], self.bias) + of_class[:, :, None, None]


class RegionDiscriminator(nn.Module):
    """Decides whether a feature of a node (edge) is real, given its class (predicate).

    channels: D of the features. num_classes: of their labels, background included. pool_size: side p of the features,
    at least 7. Raises ValueError for other sizes.
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
    """Decides whether a whole feature map is real.

    Three stages of a 3x3 convolution and average pooling, then one more convolution. On a map of side s <= 24 the first
    stage does not pool; on a larger map its pooling rounds odd sides up. The other two stages round down (`map_sides`).

    channels: D of the map. map_size: its side s: 20 to 24, or at least 37. large: adds a 1x1 convolution to every
    stage. Layers have the numbers of the published weights, so an absent layer keeps its number.

    Raises ValueError where the map is too small for the stages.
    """

    def __init__(self, channels: int, map_size: int, *, large: bool = False):
        super().__init__()
        if channels % 4:
            raise ValueError(f"channels must be divisible by 4 for a global discriminator, got {channels}")
        sides = map_sides(map_size)
        if sides[-1] < 1:
            raise ValueError(f"the global discriminator needs a map with a side of 20 to {UNPOOLED} or of at least 37, "
                             f"got {map_size}, which its layers reduce to {' > '.join(map(str, sides))}: use images "
                             "of another size, or leave `global` out of `levels`")
        wide, narrow = channels // 2, channels // 4
        first = nn.Identity() if map_size <= UNPOOLED else nn.AvgPool2d(2, ceil_mode=True)
        self.layers = nn.Sequential(
            *_stage(channels, wide, large, first),
            *_stage(wide, wide, large, nn.AvgPool2d(2)),
            *_stage(wide, narrow, large, nn.AvgPool2d(2)),
            spectral_norm(nn.Conv2d(narrow, 1, 3)))

    def forward(self, maps: Tensor) -> Tensor:
        """maps [B, D, s, s] -> logits [B, 1, t, t], positive for real; t is the last of `map_sides(s)`."""
        return self.layers(maps)


def map_sides(size: int) -> list[int]:
    """The side of a map at the input of the global discriminator, and after each layer that changes it.

    For example 38 > 36 > 18 > 16 > 8 > 6 > 3 > 1, and 21 > 19 > 17 > 8 > 6 > 3 > 1. Where a layer has no room, its side
    is less than 1 and the list ends.
    """
    first = [] if size <= UNPOOLED else [_halved_up]
    sides = [size]
    for layer in (_convolved, *first, _convolved, _halved, _convolved, _halved, _convolved):
        sides.append(layer(sides[-1]))
        if sides[-1] < 1:
            break
    return sides


def _convolved(side: int) -> int:
    return side - 2


def _halved(side: int) -> int:
    return side // 2


def _halved_up(side: int) -> int:
    return (side + 1) // 2


def _stage(inputs: int, outputs: int, large: bool, pooling: nn.Module) -> list[nn.Module]:
    deeper: list[nn.Module] = [nn.Identity(), nn.Identity()]
    if large:
        deeper = [spectral_norm(nn.Conv2d(outputs, outputs, 1)), nn.LeakyReLU(0.2)]
    return [spectral_norm(nn.Conv2d(inputs, outputs, 3)), nn.LeakyReLU(0.2), *deeper, pooling]
