"""The layers of PE-Net (Zheng et al. 2023)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Perceptron(nn.Module):
    """Two linear layers with ReLU between them. dropout: after the ReLU."""

    def __init__(self, input_dim: int, inner_dim: int, output_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.input, self.output = nn.Linear(input_dim, inner_dim), nn.Linear(inner_dim, output_dim)

    def forward(self, values: Tensor) -> Tensor:
        """[n, input_dim] -> [n, output_dim]."""
        return self.output(F.dropout(self.input(values).relu(), self.dropout, self.training))


class Gate(nn.Module):
    """Let so much of a visual vector through as what it belongs to and the vector itself decide."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * dim, dim)

    def forward(self, known: Tensor, visual: Tensor) -> Tensor:
        """[n, dim] the part of `visual` [n, dim], given `known` [n, dim]."""
        return self.linear(torch.cat([known, visual], dim=1)).sigmoid() * visual


class Refinement(nn.Module):
    """A residual layer, which the authors added for convergence. dropout: of what is added."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.linear, self.norm, self.dropout = nn.Linear(dim, dim), nn.LayerNorm(dim), dropout

    def forward(self, values: Tensor) -> Tensor:
        """[n, dim] -> [n, dim]."""
        return self.norm(F.dropout(self.linear(values).relu(), self.dropout, self.training) + values)
