"""The mean cross-entropy over pairs, which most systems minimise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import model_validator

from sgg.losses.cross_entropy import CrossEntropy, Density
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torch import Tensor


@EDGE_LOSSES.register
class Baseline(CrossEntropy):
    """scale * sum ce / M, where M is the number of pairs."""

    kind: Annotated[Literal["baseline"], trains(mid_training=True)] = "baseline"
    """The mean over all pairs."""

    @model_validator(mode="after")
    def _is_unweighted(self) -> Baseline:
        if (self.foreground_weight, self.background_weight) != (1, 1):
            raise ValueError("kind baseline takes no foreground_weight or background_weight, got "
                             f"{self.foreground_weight:g} and {self.background_weight:g}: leave both at 1, or choose "
                             "dnorm or dnorm-fgbg")
        return self

    def of(self, logits: Tensor, predicates: Tensor, density: Density) -> Tensor:
        """The formula of the class; 0 where there is no pair."""
        from torch.nn.functional import cross_entropy

        pairs = density.num_foreground + density.num_background
        return self.scale * cross_entropy(logits, predicates, reduction="sum") / max(pairs, 1)
