"""T-CAR at test (Li et al. 2023): plausible unseen triplets get a larger logit, all others a smaller one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sgg.losses.edges.tcar import TCAR
from sgg.methods.adjustment import ADJUSTMENTS, Adjustment, AdjustmentFunction, PredictedPairs
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed

if TYPE_CHECKING:
    from torch import Tensor

    from sgg.methods.statistics import Statistics

Shift = Annotated[float, Field(ge=0, le=10)]


@ADJUSTMENTS.register
class TCARAtTest(Adjustment):
    """logit + value of a plausible unseen triplet, logit - value of every other one, the background's included.

    Which triplets are unseen and plausible follows from the settings of the loss, if it is `tcar`, else from the
    defaults of that loss.
    """

    needs_triplets: ClassVar[bool] = True

    kind: Annotated[Literal["tcar"], measures()] = "tcar"
    """T-CAR's shift of logits at test."""
    values: Annotated[list[Shift], Listed, Distinct, Field(min_length=1), measures(swept=True)] = [0.0]
    """What is added to the logits of plausible unseen triplets and subtracted from all others; published: 1. Every
    value is evaluated on each trained model."""

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The adjustment. Raises ValueError if training has no triplets."""
        loss = statistics.trained.loss
        triplets = (loss if isinstance(loss, TCAR) else TCAR()).triplets(statistics, "evaluation.tcar")

        def adjust(logits: Tensor, context: PredictedPairs, value: float) -> Tensor:
            plausible = triplets.at(context.subject_labels, context.object_labels).plausible_unseen
            return logits + value * (2 * plausible.to(logits.dtype) - 1)

        return adjust
