"""The edge loss normalised by the density of the graph (Knyazev et al., BMVC 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from sgg.losses.cross_entropy import CrossEntropy, Density
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor


@EDGE_LOSSES.register
class DNorm(CrossEntropy):
    """scale * (alpha * sum_FG ce + beta * sum_BG ce) / M_FG. Where M_FG is 0 the loss is scale * sum ce, as in the
    published code."""

    kind: Annotated[Literal["dnorm"], trains(mid_training=True)] = "dnorm"
    """Both sums are divided by the number of annotated pairs."""

    def of(self, logits: Tensor, predicates: Tensor, density: Density) -> Tensor:
        """The formula of the class; 0 where there is no pair."""
        from torch.nn.functional import cross_entropy

        losses = cross_entropy(logits, predicates, reduction="none")
        if not density.num_foreground:
            return self.scale * losses.sum()
        return self.scale * density.weighted(losses, self.foreground_weight / density.num_foreground,
                                             self.background_weight / density.num_foreground)
