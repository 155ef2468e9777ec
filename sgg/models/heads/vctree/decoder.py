"""A decoder that labels the objects of an image along its tree."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.common.precision import full
from sgg.models.head_parts.labels import best_foreground

from .forest import Forest
from .tree_lstm import RootToLeaves, tree_dropout


class TreeDecoder(nn.Module):
    """A highway LSTM from the root to the leaves; each object reads the label of its parent.

    input_dim: width of the vectors of objects. embedding_dim: width of the label embeddings. num_classes: C, background
    included. dropout: of the states, with one mask for each tree.
    """

    def __init__(self, input_dim: int, hidden_dim: int, embedding_dim: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.label_embedding = nn.Embedding(num_classes + 1, embedding_dim)  # row 0: no parent; k + 1: class k
        self.cell = RootToLeaves(input_dim + embedding_dim, hidden_dim)
        self.classify = nn.Linear(hidden_dim, num_classes)

    def forward(self, objects: Tensor, forest: Forest, num_images: int) -> tuple[Tensor, Tensor]:
        """Logits [N, C] of objects [N, input_dim], and their best foreground classes [N].

        The label that an object passes on is that class; in training it is drawn by the logits, as in the reference.
        """
        hidden, split = self.classify.in_features, [objects.shape[1], self.label_embedding.embedding_dim]
        layers = self.cell.input_gates, self.cell.carry
        weights = [layer.weight.split(split, dim=1) for layer in layers]
        # The contribution of the objects needs no labels, so it is computed for all levels at once.
        gates, carried = (forest.levels(F.linear(objects, weight[0], layer.bias))
                          for layer, weight in zip(layers, weights, strict=True))
        of_label = torch.cat([weight[1] for weight in weights])
        mask = tree_dropout(objects, num_images, hidden, self.dropout, self.training)
        state = memory = objects.new_zeros(1, hidden)  # of the missing parent of roots
        passed = self.label_embedding.weight[:1]
        logits = []
        for level, parents in enumerate(forest.parents):
            added = F.linear(passed[parents], of_label).split([5 * hidden, hidden], dim=1)
            state, memory = self.cell.advance(gates[level] + added[0], carried[level] + added[1], state[parents],
                                              memory[parents])
            state = state if mask is None else state * mask[forest.images[level]]
            logits.append(self.classify(state))
            labels = draw_labels(logits[-1]) if self.training else best_foreground(logits[-1])
            passed = self.label_embedding(labels + 1)
        of_objects = forest.objects(logits) if logits else self.classify(state[:0])
        return of_objects, best_foreground(of_objects)


def draw_labels(logits: Tensor) -> Tensor:
    """[n] a random foreground class for each row of logits [n, C], by its probability.

    The class with the smallest waiting time of rate p is drawn: unlike torch's multinomial this accepts the logits of a
    model that has diverged, which training then reports.
    """
    probabilities = full(logits.detach())[:, 1:].softmax(1)
    return (probabilities / torch.empty_like(probabilities).exponential_()).argmax(1) + 1
