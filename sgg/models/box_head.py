"""The two linear layers that turn a pooled region into a feature vector."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BoxHead(nn.Module):
    """torchvision's TwoMLPHead with the options that the VGG heads of the scene-graph model need (docs/SYSTEM.md
    section 2).

    in_features: channels x 7 x 7. dim: width of both layers. dropout: its probability after each ReLU, in training
    only. final_relu: whether ReLU (and dropout) follow the second layer; the VGG edge head ends with the linear layer.
    """

    def __init__(self, in_features: int, dim: int, dropout: float = 0.0, final_relu: bool = True) -> None:
        super().__init__()
        self.fc6 = nn.Linear(in_features, dim)
        self.fc7 = nn.Linear(dim, dim)
        self.dropout = dropout
        self.final_relu = final_relu

    def forward(self, pooled: Tensor, added: Tensor | None = None) -> Tensor:
        """[K, C, 7, 7] pooled regions -> [K, dim].

        added: [K, C, 1, 1] or [K, C, 7, 7], is added to the regions first. Where it is one vector a region and the
        regions need no gradient, its own gradient is computed from the first layer's weights summed over the 7 x 7
        cells: the same sum in another order, for a 49th of the products.
        """
        if added is None:
            hidden = self.fc6(pooled.flatten(1))
        elif added.shape[2:].numel() > 1 or pooled.requires_grad or not added.requires_grad:
            hidden = self.fc6((pooled + added).flatten(1))
        else:
            hidden = self.fc6((pooled + added.detach()).flatten(1)) + self._zero_with_gradient(added.flatten(1))
        hidden = self._activate(hidden)
        out = self.fc7(hidden)
        return self._activate(out) if self.final_relu else out

    def _zero_with_gradient(self, added: Tensor) -> Tensor:
        """[K, dim] zeros, through which `added` [K, C] gets the gradient that it has in the first layer."""
        weight = self.fc6.weight.detach()
        share = F.linear(added, weight.unflatten(1, (added.shape[1], -1)).sum(2))
        return share - share.detach()

    def _activate(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class PyramidBoxHead(BoxHead):
    """A `BoxHead` of regions that are pooled from all levels of a feature pyramid: a convolution over all of them and
    ReLU come first (Tang et al. 2020, in code).

    channels: of a level. levels: their number. The other arguments are those of `BoxHead`.
    """

    def __init__(self, channels: int, levels: int, in_features: int, dim: int, dropout: float = 0.0,
                 final_relu: bool = True) -> None:
        super().__init__(in_features, dim, dropout, final_relu)
        self.reduce = nn.Conv2d(levels * channels, channels, 3, padding=1)

    def forward(self, pooled: Tensor, added: Tensor | None = None) -> Tensor:
        """[K, levels x C, 7, 7] pooled regions -> [K, dim]. added: as in `BoxHead`, to what the convolution gives."""
        return super().forward(self.reduce(pooled).relu(), added)
