"""Edge losses: what scores the predicates of a batch of pairs, and the section of settings that builds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .registry import Method, MethodError, Registry, place

if TYPE_CHECKING:
    from torch import Tensor

    from .statistics import Statistics

EDGE_LOSSES: Registry[EdgeLoss] = Registry("edge loss", "sgg.losses.edges", default="dnorm")


@dataclass(frozen=True, slots=True)
class EdgeContext:
    """What is known about P pairs, beside logits and predicates.

    subject_labels and object_labels [P]: the classes of both ends that the predicates are judged by. num_foreground and
    num_background: how many of the pairs have a relation, and how many have none, in the whole batch, of which these
    pairs are a part where several processes train together; None: as many as there are here.
    """

    subject_labels: Tensor
    object_labels: Tensor
    num_foreground: float | None = None
    num_background: float | None = None


class EdgeLossFunction(Protocol):
    """(logits [P, R], predicates [P] or soft ones [P, R], context) -> scalar. The gradient reaches the logits."""

    def __call__(self, logits: Tensor, predicates: Tensor, context: EdgeContext) -> Tensor:
        """The loss of the pairs."""


def require_scalar(loss: Tensor, function: EdgeLossFunction, logits: Tensor) -> Tensor:
    """What an edge loss returned. Raises MethodError, naming its file, unless it is a scalar with a gradient of the
    logits; these may have none, where nothing is to be learned from them."""
    shape = getattr(loss, "shape", None)
    if shape != ():
        given = type(loss).__name__ if shape is None else f"shape {list(shape)}"
        fault = f"must return a scalar tensor, got {given}"
    elif logits.requires_grad and not loss.requires_grad:
        fault = "must return a loss with a gradient, so nothing of it may be detached or become a plain number"
    else:
        return loss
    made = getattr(function, "func", function)  # of a functools.partial
    code: Any = made if hasattr(made, "__code__") else type(made)
    raise MethodError(f"{place(code)}: the edge loss {code.__name__} {fault}")


class EdgeLoss(Method):
    """The settings of an edge loss, and how it is made."""

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The loss. statistics: what the training annotations tell."""
        raise NotImplementedError
