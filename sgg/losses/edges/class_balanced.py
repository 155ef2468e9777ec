"""Cross-entropy weighted by the effective number of each predicate's training relations (Cui et al., CVPR 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgg.losses.weighted_mean import PairLosses, WeightedMean
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.statistics import predicate_counts
from sgg.settings.roles import trains

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from sgg.methods.statistics import Statistics


@EDGE_LOSSES.register
class ClassBalanced(WeightedMean):
    """l = w_r * -log p_r for predicate r, with n_r its number of training relations, b = `effective_beta` and w_r in
    proportion to (1 - b) / (1 - b^n_r). The mean of w over the predicates that occur is 1, and w of the background is
    1, since `background_weight` weights it. For a soft predicate l is the sum over predicates, each times its fraction.
    """

    kind: Annotated[Literal["class-balanced"], trains(mid_training=True)] = "class-balanced"
    """Cross-entropy in which rare predicates weigh more."""
    effective_beta: Annotated[float, Field(ge=0, lt=1), trains(mid_training=True)] = 0.9999
    """b, beta of the paper; 0: all predicates weigh the same; near 1: in proportion to 1 / n_r."""

    def weights(self, statistics: Statistics) -> np.ndarray:
        """[R] w. A predicate that does not occur in training weighs as one that occurs once."""
        import numpy as np

        counts = predicate_counts(statistics)
        with np.errstate(divide="ignore"):  # log 0 is right: 0^n is 0
            effective = -np.expm1(counts.clip(min=1) * np.log(self.effective_beta)) / (1 - self.effective_beta)
        occurring = counts > 0
        weights = 1 / effective
        if occurring.any():
            weights /= weights[occurring].mean()
        weights[0] = 1
        return weights

    def pair_losses(self, statistics: Statistics) -> PairLosses:
        """The formula of the class."""
        import torch
        from torch.nn.functional import cross_entropy

        from sgg.losses.constants import Constant

        weights = Constant(torch.from_numpy(self.weights(statistics)))

        def losses(logits: Tensor, predicates: Tensor) -> Tensor:
            return cross_entropy(logits, predicates, weights.like(logits), reduction="none")

        return losses
