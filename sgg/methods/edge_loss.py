"""Edge losses: what scores the predicates of a batch of pairs, and the section of settings that builds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .registry import Method, Registry

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


class EdgeLoss(Method):
    """The settings of an edge loss, and how it is made."""

    def build(self, statistics: Statistics) -> EdgeLossFunction:
        """The loss. statistics: what the training annotations tell."""
        raise NotImplementedError
