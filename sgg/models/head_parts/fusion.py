"""Two vectors as one that is large where they agree (Zhang et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn


def fuse(first: Tensor, second: Tensor) -> Tensor:
    """[n, dim] both vectors as one. Both arguments: [n, dim]."""
    return (first + second).relu() - (first - second).square()


class Fusion(nn.Module):
    """A linear layer on each of two vectors, then `fuse`. dim: of both. width: of the result; None: as of both."""

    def __init__(self, dim: int, width: int | None = None) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dim, width or dim), nn.Linear(dim, width or dim)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """[n, width] of two vectors [n, dim]."""
        return fuse(self.first(first), self.second(second))

    def joined(self, first: Tensor, second: Tensor, rows: Tensor, other_rows: Tensor) -> Tensor:
        """[n, width] of the vectors in rows [n] of `first` [m, dim] and in other rows [n] of `second`. The layers are
        computed once for each vector."""
        return fuse(self.first(first)[rows], self.second(second)[other_rows])
