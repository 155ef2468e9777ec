"""Adjustments after training, which change the predicate scores of a trained model. Each is swept: every trained model
is measured under each of its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from .registry import Method, MethodError, Registry, code_of, place

if TYPE_CHECKING:
    from torch import Tensor

    from .edge_loss import EdgeContext
    from .statistics import Statistics

ADJUSTMENTS: Registry[Adjustment] = Registry("adjustment", "sgg.adjustments", default="pred_weight")
BY_METRICS = ADJUSTMENTS.default
"""The adjustment that the metrics apply to scores themselves (`sgg.metrics.reweight`), so that one pass measures all of
its values. It is applied last, and names of metrics end with `/x<value>` for it."""

OTHERS = ("modes", "ks", "every", "val_images", "zero_shot_list", "batch_size", "test")
"""The other settings of `evaluation`. No adjustment can have one of these names."""


class AdjustmentFunction(Protocol):
    """(logits [P, R], context, value) -> logits [P, R]."""

    def __call__(self, logits: Tensor, context: EdgeContext, value: float) -> Tensor:
        """The logits of P pairs, adjusted by one value."""


def require_logits(adjusted: Tensor, function: AdjustmentFunction, logits: Tensor, name: str) -> Tensor:
    """Return the result of an adjustment. Raises MethodError that names the adjustment and its file unless the result
    is a tensor of numbers with the shape of the logits."""
    shape, wanted = getattr(adjusted, "shape", None), list(logits.shape)
    if shape == logits.shape and getattr(adjusted, "is_floating_point", bool)():
        return adjusted
    given = type(adjusted).__name__ if shape is None else f"{adjusted.dtype} of shape {list(shape)}"
    raise MethodError(f"{place(code_of(function))}: the adjustment {name} must return logits of shape {wanted}, got "
                      f"{given}")


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
