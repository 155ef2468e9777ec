"""IMP+: iterative message passing between nodes and edges (Xu et al. 2017; docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from sgg.methods.head import HEADS, Head, HeadSizes
from sgg.settings.marks import data_defaults
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor, nn


@HEADS.register
class Imp(Head):
    """Iterative message passing."""

    kind: Annotated[Literal["imp"], trains()] = "imp"
    """Iterative message passing."""
    hidden_dim: Annotated[PositiveInt, trains(), data_defaults(toy=64)] = 512
    """Width of node and edge states."""
    iterations: Annotated[int, Field(ge=0), trains()] = 3
    """Rounds of message passing."""

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """The network; it needs no word vectors."""
        from .network import MessagePassing

        return MessagePassing(sizes.vector, self.hidden_dim, sizes.classes, sizes.predicates, self.iterations)
