"""The classifier of pairs: predicates from the contexts of both objects and the visual vector of their union box."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.methods.head import HeadOutputs


class PairClassifier(nn.Module):
    """Join the contexts of subject and object, multiply them by the visual vector of the pair, classify the product.

    hidden_dim: width of contexts. vector_dim: V, the width of visual vectors. pooling_dim: width of the product.
    vision: False ignores the visual vectors.
    """

    def __init__(self, hidden_dim: int, vector_dim: int, pooling_dim: int, num_predicates: int, vision: bool) -> None:
        super().__init__()
        self.vision = vision
        self.roles = nn.Linear(hidden_dim, 2 * hidden_dim)
        self.join = nn.Linear(2 * hidden_dim, pooling_dim)
        self.widen = nn.Linear(vector_dim, pooling_dim) if vision and vector_dim != pooling_dim else nn.Identity()
        self.classify = nn.Linear(pooling_dim, num_predicates)
        nn.init.normal_(self.roles.weight, std=10 * hidden_dim ** -0.5)
        nn.init.zeros_(self.roles.bias)
        for layer in (self.join, self.widen, self.classify):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, contexts: Tensor, vectors: Tensor, pairs: Tensor) -> Tensor:
        """[P, R] logits. contexts: [N, hidden_dim]. vectors: [P, V]. pairs: [P, 2] rows of `contexts`."""
        as_subject, as_object = self.roles(contexts).chunk(2, dim=1)
        # `join` of two vectors is the sum of one part for each. The parts are computed per object, not per pair.
        of_subject, of_object = self.join.weight.chunk(2, dim=1)
        subjects = F.linear(as_subject, of_subject, self.join.bias).index_select(0, pairs[:, 0])
        joined = subjects + F.linear(as_object, of_object).index_select(0, pairs[:, 1])
        return self.classify(joined * self.widen(vectors) if self.vision else joined)


class PairsStream:
    """Classifies pairs that come in parts. The other arguments are the contexts [N, hidden_dim], the logits of labels
    and the labels of all objects."""

    def __init__(self, classifier: PairClassifier, pairs: Tensor, contexts: Tensor, label_logits: Tensor,
                 labels: Tensor) -> None:
        self._classifier, self._pairs, self._contexts = classifier, pairs, contexts
        self._label_logits, self._labels = label_logits, labels
        self._logits: list[Tensor] = []

    def add(self, rows: slice, vectors: Tensor) -> None:
        """As `PairStream.add`."""
        self._logits.append(self._classifier(self._contexts, vectors, self._pairs[rows]))

    def outputs(self) -> HeadOutputs:
        """As `PairStream.outputs`."""
        return HeadOutputs(self._label_logits, torch.cat(self._logits), self._labels)
