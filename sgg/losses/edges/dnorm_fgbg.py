"""The density-normalised loss that divides annotated pairs and background pairs by their own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from sgg.losses.cross_entropy import CrossEntropy, Density
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor


@EDGE_LOSSES.register
class DNormFgBg(CrossEntropy):
    """scale * (alpha * sum_FG ce / M_FG + beta * sum_BG ce / M_BG)."""

    kind: Annotated[Literal["dnorm-fgbg"], trains(mid_training=True)] = "dnorm-fgbg"
    """Each sum is divided by the number of its own pairs."""

    def of(self, logits: Tensor, predicates: Tensor, density: Density) -> Tensor:
        """The formula of the class; 0 where there is no pair."""
        from torch.nn.functional import cross_entropy

        losses = cross_entropy(logits, predicates, reduction="none")
        return self.scale * density.weighted(losses, self.foreground_weight / max(density.num_foreground, 1),
                                             self.background_weight / max(density.num_background, 1))
