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

    def forward(self, pooled: Tensor) -> Tensor:
        """[N, C, 7, 7] pooled regions -> [N, dim]."""
        hidden = self._activate(self.fc6(pooled.flatten(1)))
        out = self.fc7(hidden)
        return self._activate(out) if self.final_relu else out

    def _activate(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        return F.dropout(x, self.dropout, self.training) if self.dropout else x
