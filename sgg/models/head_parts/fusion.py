"""Two vectors as one that is large where they agree (Zhang et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn


def fuse(first: Tensor, second: Tensor) -> Tensor:
    """[n, dim] both vectors as one. Both arguments: [n, dim]."""
    return (first + second).relu() - (first - second).square()


class Fusion(nn.Module):
    """A linear layer on each of two vectors, then `fuse`. dim: of both, and of the result."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """[n, dim] of two vectors [n, dim]."""
        return fuse(self.first(first), self.second(second))
