"""Adjustments after training: what changes the predicate scores of a trained model. Each is swept: every value of it is
measured on each trained model.
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
"""The adjustment that metrics apply themselves, to scores (`sgg.metrics.reweight`), so that one pass of them serves all
of its values. It comes after all others, and names of figures have `/x<value>` for it."""

OTHERS = ("modes", "ks", "every", "batch_size", "test")
"""The other settings of `evaluation`, whose names no adjustment can have."""


class AdjustmentFunction(Protocol):
    """(logits [P, R], context, value) -> logits [P, R]."""

    def __call__(self, logits: Tensor, context: EdgeContext, value: float) -> Tensor:
        """The logits of P pairs, adjusted by one value."""


class Adjustment(Method):
    """An adjustment: it is applied in the order of the names, `BY_METRICS` last.

    Its field `values` is the setting `evaluation.<name>`. neutral: the value with which nothing changes; it is measured
    in any case.
    """

    neutral: ClassVar[float] = 0.0

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """Figures and settings carry the name; `values` is all that can be set."""
        if not name.isidentifier() or name in OTHERS:
            return (f"must have another name than {name!r}: its setting is evaluation.{name}, and names of figures "
                    "have it in them")
        if set(cls.model_fields) != {"kind", "values"}:
            return f"must have the fields kind and values, and no other, got {', '.join(cls.model_fields)}"
        return None

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The function. statistics: what the training annotations tell."""
        raise NotImplementedError
