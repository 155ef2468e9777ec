"""Adjustments after training, which change the predicate scores of a trained model. Each is swept: every trained model
is measured under each of its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from .registry import Method, Registry

if TYPE_CHECKING:
    from torch import Tensor

    from .edge_loss import EdgeContext
    from .statistics import Statistics

ADJUSTMENTS: Registry[Adjustment] = Registry("adjustment", "sgg.adjustments", default="pred_weight")
BY_METRICS = ADJUSTMENTS.default
"""The adjustment that the metrics apply to scores themselves (`sgg.metrics.reweight`), so that one pass measures all of
its values. It is applied last, and names of metrics end with `/x<value>` for it."""

OTHERS = ("modes", "ks", "every", "batch_size", "test")
"""The other settings of `evaluation`. No adjustment can have one of these names."""


class AdjustmentFunction(Protocol):
    """(logits [P, R], context, value) -> logits [P, R]."""

    def __call__(self, logits: Tensor, context: EdgeContext, value: float) -> Tensor:
        """The logits of P pairs, adjusted by one value."""


class Adjustment(Method):
    """The settings of an adjustment. Adjustments are applied in the order of their names, `BY_METRICS` last.

    The field `values` is the setting `evaluation.<name>`. neutral: the value that changes nothing; it is always
    measured.
    """

    neutral: ClassVar[float] = 0.0

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """A fault of the name, which settings and metrics carry, or of the fields."""
        if not name.isidentifier() or name in OTHERS:
            return (f"must have another name than {name!r}: its setting is evaluation.{name}, and the names of metrics "
                    "contain it")
        if set(cls.model_fields) != {"kind", "values"}:
            return f"must have the fields kind and values, and no other, got {', '.join(cls.model_fields)}"
        return None

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The function. statistics: counts and vectors of the training data."""
        raise NotImplementedError
