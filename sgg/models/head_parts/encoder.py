"""A transformer's encoder over the rows of each image, which are objects or pairs (Vaswani et al. 2017)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Attention


class Encoder(nn.Module):
    """Layers of self-attention; a row attends to all rows of its image.

    layers: their number. dim: width of the states of rows. The other arguments are those of `EncoderLayer`.
    """

    def __init__(self, layers: int, dim: int, attention_heads: int, key_dim: int, inner_dim: int,
                 dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(dim, attention_heads, key_dim, inner_dim, dropout)
                                    for _ in range(layers))

    def forward(self, states: Tensor, attention: Attention) -> Tensor:
        """[n, dim] -> [n, dim]. attention: knows the images."""
        for layer in self.layers:
            states = layer(states, attention)
        return states


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward network. The input of each is added to its output, and the sum is normalised.

    attention_heads, key_dim: number of attention's heads, and the width of the queries, keys and values of one.
    inner_dim: width inside the feed-forward network. dropout: of the weights of attention and of both outputs.
    """

    def __init__(self, dim: int, attention_heads: int, key_dim: int, inner_dim: int, dropout: float) -> None:
        super().__init__()
        self.shape, self.dropout = (attention_heads, key_dim), dropout
        self.query, self.key, self.value = (nn.Linear(dim, attention_heads * key_dim) for _ in range(3))
        self.join = nn.Linear(attention_heads * key_dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.widen, self.narrow = nn.Linear(dim, inner_dim), nn.Linear(inner_dim, dim)
        self.output_norm = nn.LayerNorm(dim)
        for layer in (self.query, self.key, self.value):
            nn.init.normal_(layer.weight, std=(2 / (dim + key_dim)) ** 0.5)
        nn.init.xavier_normal_(self.join.weight)

    def forward(self, states: Tensor, attention: Attention) -> Tensor:
        """[n, dim] -> [n, dim]."""
        queries, keys, values = (layer(states).unflatten(1, self.shape) for layer in (self.query, self.key, self.value))
        attended = self.join(attention(queries, keys, values, self._drop).flatten(1))
        states = self.norm(self._drop(attended) + states)
        return self.output_norm(self._drop(self.narrow(self.widen(states).relu())) + states)

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)
