"""What a head knows of the objects of a batch before it looks at pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from sgg.methods.head import HeadOutputs, Unit


@dataclass(frozen=True, slots=True)
class Contexts:
    """Contexts and labels of objects.

    edge: [N, hidden_dim] for their pairs. label_logits, labels, predicted_labels, losses, units: as in `HeadOutputs`.
    to_decode: [N, .] what the decoder of labels reads. known: [N, .] embedding of the label, and vector of the object,
    which the edge context reads beside the object context.
    """

    edge: Tensor
    label_logits: Tensor
    labels: Tensor
    to_decode: Tensor
    known: Tensor
    predicted_labels: Tensor | None = None
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)

    def outputs(self, predicate_logits: Tensor) -> HeadOutputs:
        """The outputs of the head with the logits [P, R] of predicates."""
        return HeadOutputs(self.label_logits, predicate_logits, self.labels, self.losses, self.units,
                           self.predicted_labels)


@dataclass(frozen=True, slots=True)
class Averages:
    """Running means over training that stand for `Contexts.to_decode` and `Contexts.known` of every object. With them
    an object's context tells what it would be if the object were any object."""

    to_decode: Tensor
    known: Tensor
