"""An edge loss of your own, to copy: cross-entropy with smoothed labels. From the repository's root:

    python -m platform.train tune_configs/single.yaml experiment.plugins=examples/my_loss.py loss.kind=smoothed
"""

from typing import Annotated, Literal

from pydantic import Field

from sgg.losses.cross_entropy import Density
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss
from sgg.settings.roles import trains


@EDGE_LOSSES.register
class Smoothed(EdgeLoss):
    """sum ce / M_FG. The true predicate has the share 1 - smoothing of the target, all predicates together the rest."""

    kind: Annotated[Literal["smoothed"], trains(mid_training=True)] = "smoothed"
    """Cross-entropy with smoothed labels."""
    smoothing: Annotated[float, Field(ge=0, lt=1), trains(mid_training=True)] = 0.1
    """The share of the target that all predicates have together."""

    def build(self, statistics):
        """A function (logits [P, R], predicates [P], context) -> scalar; see sgg/methods/edge_loss.py."""
        from torch.nn.functional import cross_entropy  # here, because settings load without torch

        def loss(logits, predicates, context):
            # The sum, divided by a number of the whole batch: several processes may hold a part of it each.
            total = cross_entropy(logits, predicates, reduction="sum", label_smoothing=self.smoothing)
            return total / max(Density.of(predicates, context).num_foreground, 1)

        return loss
