"""Prior knowledge of objects at test time (PKO of CFA: Li et al., ICCV 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from sgg.methods.edge_loss import EdgeContext
    from sgg.methods.statistics import Statistics

Factor = Annotated[float, Field(ge=-10, le=10)]
EPSILON = 1e-3
"""Added to fractions before the logarithm, as in the frequency bias."""


@ADJUSTMENTS.register
class PKO(Adjustment):
    """logit of predicate r + value * (log(a_s[r] + .001) + log(a_o[r] + .001)), for the predicted classes s and o.

    a_s[r] is in proportion to the fraction of the training relations with predicate r whose subject is s; its sum over
    r is 1. a_o is the same for objects. The background counts as a predicate of the overlapping pairs.
    """

    kind: Annotated[Literal["pko"], measures()] = "pko"
    """Logits with the prior of the predicates of each class by itself."""
    values: Annotated[list[Factor], Listed, Distinct, Field(min_length=1), measures(swept=True)] = [0.0]
    """The factor of the prior that is added to each logit; 1 in the paper. Every value is evaluated on each trained
    model."""

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The adjustment."""
        import torch

        of_subject, of_object = (torch.from_numpy(table) for table in log_priors(*statistics.pair_counts))

        def adjust(logits: Tensor, context: EdgeContext, value: float) -> Tensor:
            subjects, objects = (table.to(logits)[labels] for table, labels in (
                (of_subject, context.subject_labels), (of_object, context.object_labels)))
            return logits + value * (subjects + objects)

        return adjust


def log_priors(foreground_counts: np.ndarray, background_counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[C, R] the logarithm of the prior of subjects, and [C, R] of objects.

    foreground_counts: [C, C, R] training relations by subject class, object class and predicate. background_counts:
    [C, C] overlapping pairs; 1 is added to each, as in the frequency bias.
    """
    import numpy as np

    tables = []
    for end in (0, 1):
        counts = foreground_counts.sum(1 - end, dtype=np.float64)
        counts[:, 0] = (background_counts + 1).sum(1 - end)
        fractions = counts / counts.sum(0).clip(min=1)
        tables.append(np.log(fractions / fractions.sum(1, keepdims=True) + EPSILON))
    return tables[0], tables[1]
