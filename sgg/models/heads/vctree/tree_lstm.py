"""LSTMs along binary trees (Tai et al. 2015; Tang et al. 2019), for all trees of a batch at once, level by level."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forest import Forest


class TreeContext(nn.Module):
    """Layers of LSTMs along trees; half of each layer runs from the leaves to the root, half from the root to the
    leaves.

    input_dim: width of the vectors of objects. hidden_dim: width of the output, an even number. dropout: of the states,
    with one mask for each tree; only where there are several layers.
    """

    def __init__(self, input_dim: int, hidden_dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout, self.width = dropout if layers > 1 else 0.0, hidden_dim // 2
        self.to_root = nn.ModuleList(LeavesToRoot(hidden_dim if layer else input_dim, self.width)
                                     for layer in range(layers))
        self.to_leaves = nn.ModuleList(RootToLeaves(hidden_dim if layer else input_dim, self.width)
                                       for layer in range(layers))

    def forward(self, objects: Tensor, forest: Forest, num_images: int) -> Tensor:
        """[N, input_dim] -> [N, hidden_dim]."""
        for layers in zip(self.to_root, self.to_leaves, strict=True):
            masks = [tree_dropout(objects, num_images, self.width, self.dropout, self.training) for _ in layers]
            both = [layer(objects, forest, mask) for layer, mask in zip(layers, masks, strict=True)]
            objects = torch.cat(both, dim=1)
        return objects


class LeavesToRoot(nn.Module):
    """A highway LSTM from the leaves to the root: the state of an object follows from those of both children.

    input_dim: width of the vectors of objects. hidden_dim: width of states.
    """

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.carry, self.input_gates = nn.Linear(input_dim, hidden_dim), nn.Linear(input_dim, 6 * hidden_dim)
        self.left_gates, self.right_gates = (nn.Linear(hidden_dim, 6 * hidden_dim) for _ in range(2))
        initialize(self.carry, self.input_gates, self.left_gates, self.right_gates)
        for layer in (self.left_gates, self.right_gates):
            nn.init.constant_(layer.bias.data[2 * hidden_dim:4 * hidden_dim], 0.5)

    def forward(self, objects: Tensor, forest: Forest, mask: Tensor | None = None) -> Tensor:
        """[N, input_dim] -> [N, hidden_dim]. mask: [B, hidden_dim] what states are multiplied by, for each tree."""
        gates, carried = forest.levels(self.input_gates(objects)), forest.levels(self.carry(objects))
        nothing = objects.new_zeros(1, self.carry.out_features)  # the state of a missing child
        state, memory, states = nothing[:0], nothing[:0], []
        for level in reversed(range(len(forest.sizes))):
            below, kept = torch.cat([state, nothing]), torch.cat([memory, nothing])
            left, right = forest.left[level], forest.right[level]
            joined = gates[level] + self.left_gates(below[left]) + self.right_gates(below[right])
            write, read, keep_left, keep_right, new, carry = joined.chunk(6, dim=1)
            memory = (write.sigmoid() * new.tanh() + keep_left.sigmoid() * kept[left]
                      + keep_right.sigmoid() * kept[right])
            state = highway(read, memory, carry, carried[level])
            state = state if mask is None else state * mask[forest.images[level]]
            states.append(state)
        return forest.objects(states[::-1]) if states else nothing[:0]


class RootToLeaves(nn.Module):
    """A highway LSTM from the root to the leaves: the state of an object follows from that of its parent.

    input_dim: width of the vectors of objects. hidden_dim: width of states.
    """

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.carry, self.input_gates = nn.Linear(input_dim, hidden_dim), nn.Linear(input_dim, 5 * hidden_dim)
        self.parent_gates = nn.Linear(hidden_dim, 5 * hidden_dim)
        initialize(self.carry, self.input_gates, self.parent_gates)
        nn.init.constant_(self.parent_gates.bias.data[2 * hidden_dim:3 * hidden_dim], 1.0)

    def forward(self, objects: Tensor, forest: Forest, mask: Tensor | None = None) -> Tensor:
        """As `LeavesToRoot.forward`."""
        gates, carried = forest.levels(self.input_gates(objects)), forest.levels(self.carry(objects))
        state = memory = nothing = objects.new_zeros(1, self.carry.out_features)  # of the missing parent of roots
        states = []
        for level, parents in enumerate(forest.parents):
            state, memory = self.advance(gates[level], carried[level], state[parents], memory[parents])
            state = state if mask is None else state * mask[forest.images[level]]
            states.append(state)
        return forest.objects(states) if states else nothing[:0]

    def advance(self, gates: Tensor, carried: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """State and memory, both [n, hidden_dim], of objects from those of their parents.

        gates: [n, 5 hidden_dim] and carried: [n, hidden_dim] what the objects themselves contribute.
        """
        write, read, keep, new, carry = (gates + self.parent_gates(state)).chunk(5, dim=1)
        memory = write.sigmoid() * new.tanh() + keep.sigmoid() * memory
        return highway(read, memory, carry, carried), memory


def highway(read: Tensor, memory: Tensor, carry: Tensor, carried: Tensor) -> Tensor:
    """[n, hidden_dim] the state: what is read from memory, or what is carried past it. All arguments: [n, hidden_dim].
    """
    carry = carry.sigmoid()
    return carry * (read.sigmoid() * memory.tanh()) + (1 - carry) * carried


def tree_dropout(like: Tensor, num_images: int, dim: int, probability: float, training: bool) -> Tensor | None:
    """[B, dim] a mask of dropout for each tree; None where nothing is dropped."""
    if not training or not probability:
        return None
    return F.dropout(like.new_ones(num_images, dim), probability)


def initialize(*layers: nn.Linear) -> None:
    """Set fresh weights of layers to gates: an orthogonal block for each gate, no bias. The states that `layers` read
    or write have the width of the first one's output."""
    width = layers[0].out_features
    for layer in layers:
        for block in layer.weight.data.split(width):
            nn.init.orthogonal_(block)
        nn.init.zeros_(layer.bias)
