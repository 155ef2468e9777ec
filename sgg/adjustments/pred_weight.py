"""Predicate re-weighting: divide predicate scores by a power of the predicate frequency (docs/SYSTEM.md section 6)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment
from sgg.settings.roles import measures
from sgg.settings.section import Distinct, Listed

Exponent = Annotated[float, Field(ge=0, le=10)]


@ADJUSTMENTS.register
class PredWeight(Adjustment):
    """Favours rare predicates. `sgg.metrics` divides the scores itself, by the weights that it receives."""

    required: ClassVar[frozenset[str]] = frozenset()  # sgg.metrics applies it, so there is no function of logits

    kind: Annotated[Literal["pred_weight"], measures()] = "pred_weight"
    """Predicate re-weighting."""
    values: Annotated[list[Exponent], Listed, Distinct, Field(min_length=1), measures(swept=True)] = [0.0]
    """Exponents of the predicate re-weighting; every value is evaluated on each trained model."""
