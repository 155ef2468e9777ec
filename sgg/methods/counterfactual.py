"""Counterfactual logits: the predicate logits that a trained model would give if a part of its inputs were another one.

A relation head lists those that it gives (`Head.counterfactuals`), an adjustment after training those that one of its
values takes (`Adjustment.counterfactuals`). `HeadInputs.counterfactuals` names those that somebody takes, and the head
computes them beside its plain logits, in one call (`HeadOutputs.counterfactuals`). A config in which an adjustment
takes what the model does not give is refused. Heads and adjustments of plugins may use these names, and others of their
own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .head import Head
    from .registry import Method

EXPECTED_CLASSES = "expected_classes"
"""The frequencies of predicates are means over the classes of both objects, by their probabilities."""
AVERAGE_CONTEXT = "average_context"
"""The same, with contexts of an average object in place of those of the objects of the image."""
AVERAGE_CONTEXT_AND_CLASSES = "average_context_and_classes"
"""The same, with the probabilities of classes that follow from these contexts."""
WITHOUT_BIAS = "without_frequency_bias"
"""The logits of the head alone. Every model that adds the frequency bias to them gives these."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The settings that a model is trained with, as far as adjustments depend on them.

    loss: the edge loss. frequency_bias: off, add or only, as `model.frequency_bias`.
    """

    head: Head
    loss: Method
    frequency_bias: str

    @property
    def counterfactuals(self) -> frozenset[str]:
        """The names of the counterfactual logits that the model gives."""
        own = {WITHOUT_BIAS} if self.frequency_bias == "add" else set()
        return self.head.counterfactuals | own
