"""A decoder that labels the objects of an image one after another."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .sequence import SequenceOrder


class LabelDecoder(nn.Module):
    """A highway LSTM; each step reads the label of the step before.

    input_dim: width of the vectors of objects. embedding_dim: width of the label embeddings. num_classes: C, background
    included. dropout: of the states, with one mask for all steps.
    """

    def __init__(self, input_dim: int, hidden_dim: int, embedding_dim: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.label_embedding = nn.Embedding(num_classes + 1, embedding_dim)  # row 0: no label yet; k + 1: class k
        self.input_gates = nn.Linear(input_dim + embedding_dim, 6 * hidden_dim)
        self.state_gates = nn.Linear(hidden_dim, 5 * hidden_dim)
        self.classify = nn.Linear(hidden_dim, num_classes)
        for layer in (self.input_gates, self.state_gates):
            nn.init.zeros_(layer.bias)

    def forward(self, objects: Tensor, order: SequenceOrder, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits [N, C] of objects [N, input_dim], and the labels [N] that the next steps read.

        targets [N]: labels that the next steps read instead of predicted ones. Where a target is 0 or none is given,
        they read the best foreground class of the decoder.
        """
        if not len(objects):
            return self.classify(objects.new_zeros(0, self.classify.in_features)), order.rows
        of_objects, of_labels = self.input_gates.weight.split(
            [objects.shape[1], self.label_embedding.embedding_dim], dim=1)
        # The contribution of the objects to the gates needs no labels, so it is computed for all steps at once.
        steps = F.linear(objects[order.rows], of_objects, self.input_gates.bias).split(order.batch_sizes.tolist())
        if targets is not None:
            targets = targets[order.rows]

        images, hidden = len(steps[0]), self.classify.in_features
        state = memory = steps[0].new_zeros(images, hidden)
        mask = F.dropout(torch.ones_like(state), self.dropout, self.training)
        before = self.label_embedding.weight[:1].expand(images, -1)
        logits, labels, begin = [], [], 0
        for step in steps:
            running = len(step)  # images without a further object come last
            inputs = step + F.linear(before[:running], of_labels)
            state, memory = self._advance(inputs, state[:running], memory[:running])
            state = state * mask[:running]
            logits.append(self.classify(state))
            label = logits[-1][:, 1:].argmax(1) + 1
            if targets is not None:
                target = targets[begin:begin + running]
                label = torch.where(target > 0, target, label)
            labels.append(label)
            before = self.label_embedding(label + 1)
            begin += running
        return order.unpack(torch.cat(logits)), order.unpack(torch.cat(labels))

    def _advance(self, inputs: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The next state and memory, both [n, hidden]. inputs: [n, 6 hidden] the contribution of the step to the gates.
        """
        hidden = state.shape[1]
        gates = inputs[:, :5 * hidden] + self.state_gates(state)
        write, keep, new, read, carry = gates.chunk(5, dim=1)
        memory = write.sigmoid() * new.tanh() + keep.sigmoid() * memory
        carry = carry.sigmoid()
        return carry * (read.sigmoid() * memory.tanh()) + (1 - carry) * inputs[:, 5 * hidden:], memory
