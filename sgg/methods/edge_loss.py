"""Edge losses, which score the predicates of a batch of pairs, and the section of settings that builds one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from .registry import Method, MethodError, Registry, code_of, place

if TYPE_CHECKING:
    from torch import Tensor

    from .derived import DerivedFile
    from .statistics import Statistics

EDGE_LOSSES: Registry[EdgeLoss] = Registry("edge loss", "sgg.losses.edges", default="dnorm")


@dataclass(frozen=True, slots=True)
class EdgeContext:
    """Context of P pairs, beside logits and predicates.

    subject_labels and object_labels [P]: the classes of subject and object. num_foreground and num_background: the
    numbers of pairs with and without a relation in the whole batch. If several processes train together, these P pairs
    are only a part of the batch. None: count these pairs.
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
    """Return the result of an edge loss. Raises MethodError that names the loss's file unless the result is a scalar
    and, if the logits require a gradient, has one."""
    shape = getattr(loss, "shape", None)
    if shape != ():
        given = type(loss).__name__ if shape is None else f"shape {list(shape)}"
        fault = f"must return a scalar tensor, got {given}"
    elif logits.requires_grad and not loss.requires_grad:
        fault = "must return a loss with a gradient, so it must not detach tensors or make plain numbers of them"
    else:
        return loss
    code = code_of(function)
    raise MethodError(f"{place(code)}: the edge loss {code.__name__} {fault}")


class EdgeLoss(Method):
    """The settings of an edge loss, and the method that builds it. needs_triplets: whether it needs training relations.
    """

    needs_triplets: ClassVar[bool] = False

    @property
    def needs_words(self) -> bool:
        """Whether it reads word vectors."""
        return False

    def derived(self, statistics: Statistics) -> Sequence[DerivedFile]:
        """The files that follow from the training data and that it reads (`Statistics.derived`). They are made before
        training."""
        return ()

    def for_memory(self) -> EdgeLoss:
        """The settings whose steps are computed without values, to know their memory: without derived files."""
        return self

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The loss. statistics: counts and vectors of the training data."""
        raise NotImplementedError
