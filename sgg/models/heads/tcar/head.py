"""The network of the T-CAR head (Li et al. 2023)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.common.counting import counted
from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes
from sgg.models.head_parts.attention import ImageAttention, PaddedAttention
from sgg.models.head_parts.encoder import Encoder
from sgg.models.head_parts.fusion import Fusion
from sgg.models.head_parts.grid import ObjectGrid
from sgg.models.head_parts.labels import certain_logits, decided_labels
from sgg.models.head_parts.position import DIM as POSITION_DIM
from sgg.models.head_parts.position import INNER, box_code

from .pair_boxes import NUMBERS, pair_code

PAIR_INNER, SLOPE = 64, 0.2
"""Width inside the position code of a pair, and the slope of LeakyReLU in both position codes."""


class TCARHead(nn.Module):
    """Object encoder, labels, pair encoder, predicates (docs/SYSTEM.md section 2, "T-CAR").

    The predicates do not depend on labels. sizes: the sizes of inputs and outputs. The other arguments are the settings
    of `TCAR`.
    """

    def __init__(self, sizes: HeadSizes, *, hidden_dim: int, object_layers: int, edge_layers: int, attention_heads: int,
                 key_dim: int, inner_dim: int, pooling_dim: int, dropout: float) -> None:
        super().__init__()
        encoder = hidden_dim, attention_heads, key_dim, inner_dim, dropout
        self.position = NumberCode(9, INNER, dropout)
        self.object_input = nn.Linear(sizes.vector + POSITION_DIM, hidden_dim)
        self.object_context = Encoder(object_layers, *encoder)
        self.classify = nn.Linear(hidden_dim, sizes.classes)
        self.roles = nn.Linear(sizes.vector + hidden_dim, 2 * hidden_dim)
        self.pair_position = NumberCode(NUMBERS, PAIR_INNER, dropout)
        self.pair_input = nn.Linear(sizes.vector + POSITION_DIM, hidden_dim)
        self.fuse_objects, self.fuse_pair = Fusion(hidden_dim), Fusion(hidden_dim)
        self.edge_context = Encoder(edge_layers, *encoder)
        self.join = nn.Linear(hidden_dim, pooling_dim)
        self.widen = nn.Linear(sizes.vector, pooling_dim) if sizes.vector != pooling_dim else nn.Identity()
        self.classify_pairs = nn.Linear(pooling_dim, sizes.predicates)
        self.classify_contexts = nn.Linear(hidden_dim, sizes.predicates)
        for layer in (self.join, self.widen, self.classify_pairs, self.classify_contexts):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    # torch.compile would compile the loop over images again for every number of pairs.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch's own, and untyped
    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, and the labels. This waits for the device once, for the numbers of pairs."""
        image_sizes = inputs.image_sizes[inputs.image_index]
        position = self.position(box_code(inputs.boxes, image_sizes))
        grid = ObjectGrid.of(inputs.image_index, inputs.num_images, inputs.largest)
        objects = self.object_context(self.object_input(torch.cat([inputs.nodes, position], dim=1)),
                                      PaddedAttention(grid))
        if inputs.labels is not None:
            label_logits, labels = certain_logits(inputs.labels, self.classify.out_features, objects), inputs.labels
        else:
            label_logits = self.classify(objects)
            labels = decided_labels(label_logits, inputs, self.training, background=-1.0)

        image_of_pair = inputs.image_index[inputs.pairs[:, 0]]
        codes = self.pair_position(pair_code(inputs.boxes, inputs.pairs, inputs.image_sizes[image_of_pair]))
        seen = self.pair_input(torch.cat([inputs.edges, codes], dim=1)).relu()
        counts = counted(image_of_pair, inputs.num_images).tolist()
        pairs = self.edge_context(self.fuse_pair(self._fused(objects, inputs), seen), ImageAttention(counts))
        logits = self.classify_pairs(self.join(pairs) * self.widen(inputs.edges)) + self.classify_contexts(pairs)
        return HeadOutputs(label_logits, logits, labels)

    def _fused(self, objects: Tensor, inputs: HeadInputs) -> Tensor:
        """[P, hidden_dim] both objects of each pair. objects: [N, hidden_dim] their states."""
        roles = self.roles(torch.cat([inputs.nodes, objects], dim=1)).relu()
        as_subject, as_object = roles.chunk(2, dim=1)
        return self.fuse_objects(as_subject.index_select(0, inputs.pairs[:, 0]),
                                 as_object.index_select(0, inputs.pairs[:, 1]))


class NumberCode(nn.Module):
    """A small network on a few numbers of a row. dropout: after each of its two layers."""

    def __init__(self, numbers: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.input, self.output = nn.Linear(numbers, inner), nn.Linear(inner, POSITION_DIM)

    def forward(self, numbers: Tensor) -> Tensor:
        """[n, numbers] -> [n, 128]."""
        for layer in (self.input, self.output):
            numbers = F.dropout(F.leaky_relu(layer(numbers), SLOPE), self.dropout, self.training)
        return numbers
