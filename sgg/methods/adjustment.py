"""Adjustments after training, which change the predicate scores of a trained model. Each is swept: every trained model
is measured under each of its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .edge_loss import EdgeContext
from .registry import Method, MethodError, Registry, code_of, place

if TYPE_CHECKING:
    from torch import Tensor

    from .counterfactual import Trained
    from .statistics import Statistics

ADJUSTMENTS: Registry[Adjustment] = Registry("adjustment", "sgg.adjustments", default="pred_weight")
BY_METRICS = ADJUSTMENTS.default
"""The adjustment that the metrics apply to scores themselves (`sgg.metrics.reweight`), so that one pass measures all of
its values. It is applied last, and names of metrics end with `/x<value>` for it."""

OTHERS = ("modes", "ks", "every", "val_images", "zero_shot_list", "relation_nms", "corruption", "severity",
          "batch_size", "test")
"""The other settings of `evaluation`. No adjustment can have one of these names."""

Value = float | str
"""A value of an adjustment: a number, or a word."""


@dataclass(frozen=True, slots=True)
class PredictedPairs(EdgeContext):
    """Context of P pairs of a prediction. The labels are the classes that the predicates are conditioned on.

    plain: [P, R] the logits of the model before any adjustment; None: unknown. counterfactuals: [P, R] the
    counterfactual logits that adjustments take, by name.
    """

    plain: Tensor | None = None
    counterfactuals: Mapping[str, Tensor] = field(default_factory=dict)

    def instead_of_plain(self, logits: Tensor, others: Tensor) -> Tensor:
        """`logits`, which adjustments have changed, as they would be if the model had given `others`: its plain logits
        are exchanged, what was added to them stays. All are [P, R]."""
        return others if self.plain is None or logits is self.plain else others + (logits - self.plain)


class AdjustmentFunction(Protocol):
    """(logits [P, R], context, value) -> logits [P, R]."""

    def __call__(self, logits: Tensor, context: PredictedPairs, value: Any) -> Tensor:
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

    The field `values` is the setting `evaluation.<name>`: a list of numbers or of words. neutral: the value that
    changes nothing; it is always measured. needs_triplets: whether other values need training relations. part: the part
    of a head from which its counterfactual logits come, for a message; empty: unknown.
    """

    neutral: ClassVar[Value] = 0.0
    needs_triplets: ClassVar[bool] = False
    part: ClassVar[str] = ""

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """A fault of the name, which settings and metrics carry, or of the fields."""
        if not name.isidentifier() or name in OTHERS:
            return (f"must have another name than {name!r}: its setting is evaluation.{name}, and the names of metrics "
                    "contain it")
        if set(cls.model_fields) != {"kind", "values"}:
            return f"must have the fields kind and values, and no other, got {', '.join(cls.model_fields)}"
        return None

    @classmethod
    def counterfactuals(cls, value: Any) -> frozenset[str]:
        """The names of the counterfactual logits that a value takes (`sgg/methods/counterfactual.py`)."""
        return frozenset()

    @classmethod
    def fault(cls, value: Any, trained: Trained) -> str | None:
        """Why a value cannot be measured on a model with these settings, and the remedy: the end of a sentence that
        begins with the setting and the value. None if it can, or if the model only lacks counterfactual logits."""
        return None

    def build(self, statistics: Statistics) -> AdjustmentFunction:
        """The function. statistics: counts and vectors of the training data."""
        raise NotImplementedError


def faults_of_values(name: str, values: list[Any], trained: Trained) -> list[str]:
    """One sentence, with the remedy, for each of the values of an adjustment that cannot be measured on a model."""
    return [f"evaluation.{name} {text_of(value)} {fault}" for value, fault in unsuitable(name, values, trained).items()]


def unsuitable(name: str, values: list[Any], trained: Trained) -> dict[Any, str]:
    """The values of an adjustment that cannot be measured on a model, each with the reason and the remedy, as
    `Adjustment.fault` gives them."""
    from .head import HEADS

    entry, faults = ADJUSTMENTS[name], dict[Any, str]()
    for value in values:
        if value == entry.neutral:
            continue
        fault = entry.fault(value, trained)
        lacking = entry.counterfactuals(value) - trained.counterfactuals
        if fault is None and lacking:
            giving = [head for head, section in HEADS.entries.items() if lacking <= section.counterfactuals]
            because = f", since it has no {entry.part}" if entry.part else ""
            remedy = f"use model.head {' or '.join(giving)}, or " if giving else ""
            fault = (f"takes logits that model.head {HEADS.kind_of(trained.head)} does not give "
                     f"({', '.join(sorted(lacking))}){because}: {remedy}leave this value out")
        if fault is not None:
            faults[value] = fault
    return faults


def text_of(value: Value) -> str:
    """A value as the names of metrics have it."""
    return value if isinstance(value, str) else f"{value:g}"
