"""The classifier of pairs: predicates from the contexts of both objects and the visual vector of their union box."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.methods.head import HeadOutputs

Classify = Callable[[Tensor, Tensor], Tensor]
"""Gives logits [p, R], or several of them [p, ., R], for pairs [p, 2] and their visual vectors [p, V]."""


class PairJoin(nn.Module):
    """Give each object a part as subject and a part as object, and join the parts of a pair.

    hidden_dim: width of contexts. pooling_dim: width of the joined vector. activate: ReLU after the parts.
    """

    def __init__(self, hidden_dim: int, pooling_dim: int, activate: bool = False) -> None:
        super().__init__()
        self.activate = activate
        self.roles = nn.Linear(hidden_dim, 2 * hidden_dim)
        self.join = nn.Linear(2 * hidden_dim, pooling_dim)

    def initialize(self, *others: nn.Module | None) -> None:
        """Set fresh weights of the parts, their join, and those of `others` that are linear layers."""
        nn.init.normal_(self.roles.weight, std=10 * self.roles.in_features ** -0.5)
        nn.init.zeros_(self.roles.bias)
        for layer in (self.join, *others):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def parts(self, contexts: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of contexts [N, hidden_dim] as subject and as object, both [N, hidden_dim]."""
        roles = self.roles(contexts)
        as_subject, as_object = (roles.relu() if self.activate else roles).chunk(2, dim=1)
        return as_subject, as_object


def of_pairs(layer: nn.Linear, as_subject: Tensor, as_object: Tensor, pairs: Tensor) -> Tensor:
    """[P, out] a linear layer on the parts of both objects of each pair.

    as_subject, as_object: [N, hidden_dim]. pairs: [P, 2] rows of them. The layer is the sum of one part for each object
    of a pair. These are computed for each object, not for each pair.
    """
    of_subject, of_object = layer.weight.chunk(2, dim=1)
    subjects = F.linear(as_subject, of_subject, layer.bias).index_select(0, pairs[:, 0])
    return subjects + F.linear(as_object, of_object).index_select(0, pairs[:, 1])


class PairClassifier(PairJoin):
    """Join the contexts of subject and object, multiply them by the visual vector of the pair, classify the product.

    hidden_dim: width of contexts. vector_dim: V, the width of visual vectors. pooling_dim: width of the product.
    vision: False ignores the visual vectors. activate: as in `PairJoin`. direct: add logits of the contexts alone.
    """

    def __init__(self, hidden_dim: int, vector_dim: int, pooling_dim: int, num_predicates: int, vision: bool = True,
                 activate: bool = False, direct: bool = False) -> None:
        super().__init__(hidden_dim, pooling_dim, activate)
        self.vision = vision
        self.widen = nn.Linear(vector_dim, pooling_dim) if vision and vector_dim != pooling_dim else nn.Identity()
        self.classify = nn.Linear(pooling_dim, num_predicates)
        self.classify_contexts = nn.Linear(2 * hidden_dim, num_predicates) if direct else None
        self.initialize(self.widen, self.classify, self.classify_contexts)

    def forward(self, contexts: Tensor, vectors: Tensor, pairs: Tensor) -> Tensor:
        """[P, R] logits. contexts: [N, hidden_dim]. vectors: [P, V]. pairs: [P, 2] rows of `contexts`."""
        parts = self.parts(contexts)
        joined = of_pairs(self.join, *parts, pairs)
        logits = self.classify(joined * self.widen(vectors) if self.vision else joined)
        return logits if self.classify_contexts is None else logits + of_pairs(self.classify_contexts, *parts, pairs)


class PairsStream:
    """Classifies pairs that come in parts.

    pairs: [P, 2]. outputs: gives the outputs of the head for the logits of all pairs.
    """

    def __init__(self, classify: Classify, pairs: Tensor, outputs: Callable[[Tensor], HeadOutputs]) -> None:
        self._classify, self._pairs, self._outputs = classify, pairs, outputs
        self._logits: list[Tensor] = []

    def add(self, rows: slice, vectors: Tensor) -> None:
        """As `PairStream.add`."""
        self._logits.append(self._classify(self._pairs[rows], vectors))

    def outputs(self) -> HeadOutputs:
        """As `PairStream.outputs`."""
        return self._outputs(torch.cat(self._logits))
