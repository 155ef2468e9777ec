"""The network of the Transformer head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes
from sgg.models.head_parts.attention import PaddedAttention
from sgg.models.head_parts.encoder import Encoder
from sgg.models.head_parts.grid import ObjectGrid
from sgg.models.head_parts.labels import certain_logits, decided_labels, label_code, start_from
from sgg.models.head_parts.pairs import PairClassifier, PairsStream
from sgg.models.head_parts.position import DIM as POSITION_DIM
from sgg.models.head_parts.position import INNER, box_code


class TransformerHead(nn.Module):
    """Object encoder, labels, edge encoder, predicates (docs/SYSTEM.md section 2, "Transformer").

    sizes: the sizes of inputs and outputs. class_vectors: [C, D] the start of both label embeddings; None: N(0, 1). The
    other arguments are the settings of `Transformer`.
    """

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, hidden_dim: int, object_layers: int,
                 edge_layers: int, attention_heads: int, key_dim: int, inner_dim: int, pooling_dim: int,
                 dropout: float) -> None:
        super().__init__()
        encoder = hidden_dim, attention_heads, key_dim, inner_dim, dropout
        self.object_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.edge_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.position = PositionCode(dropout)
        self.object_input = nn.Linear(sizes.vector + sizes.embedding + POSITION_DIM, hidden_dim)
        self.object_context = Encoder(object_layers, *encoder)
        self.classify = nn.Linear(hidden_dim, sizes.classes)
        self.edge_input = nn.Linear(sizes.vector + hidden_dim + sizes.embedding, hidden_dim)
        self.edge_context = Encoder(edge_layers, *encoder)
        self.pairs = PairClassifier(hidden_dim, sizes.vector, pooling_dim, sizes.predicates, direct=True)
        if class_vectors is not None:
            start_from(class_vectors, self.object_embedding.weight, self.edge_embedding.weight)

    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, and the labels on which the predicates depend."""
        edge_context, label_logits, labels = self._contexts(inputs)
        return HeadOutputs(label_logits, self.pairs(edge_context, inputs.edges, inputs.pairs), labels)

    def stream_pairs(self, inputs: HeadInputs) -> PairsStream:
        """As `StreamingHead.stream_pairs`."""
        edge_context, label_logits, labels = self._contexts(inputs)
        return PairsStream(lambda pairs, vectors: self.pairs(edge_context, vectors, pairs), inputs.pairs,
                           lambda logits: HeadOutputs(label_logits, logits, labels))

    def _contexts(self, inputs: HeadInputs) -> tuple[Tensor, Tensor, Tensor]:
        """[N, hidden_dim] contexts of objects for their pairs, and logits [N, C] and labels [N] of objects. The vectors
        of pairs are not read."""
        attention = PaddedAttention(ObjectGrid.of(inputs.image_index, inputs.num_images, inputs.largest))
        position = self.position(inputs.boxes, inputs.image_sizes[inputs.image_index])
        objects = torch.cat([inputs.nodes, label_code(self.object_embedding, inputs), position], dim=1)
        object_context = self.object_context(self.object_input(objects), attention)
        if inputs.labels is not None:
            label_logits, labels = certain_logits(inputs.labels, self.classify.out_features, objects), inputs.labels
        else:
            label_logits = self.classify(object_context)
            labels = decided_labels(label_logits, inputs, self.training, background=-1.0)
        known = torch.cat([inputs.nodes, object_context, self.edge_embedding(labels)], dim=1)
        return self.edge_context(self.edge_input(known), attention), label_logits, labels


class PositionCode(nn.Module):
    """A small network on the code of a box, without BatchNorm. dropout: after each of its two layers."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.input, self.output = nn.Linear(9, INNER), nn.Linear(INNER, POSITION_DIM)

    def forward(self, boxes: Tensor, image_sizes: Tensor) -> Tensor:
        """[N, 128] of boxes [N, 4] and the sizes [N, 2] of their images."""
        code = F.dropout(self.input(box_code(boxes, image_sizes)).relu(), self.dropout, self.training)
        return F.dropout(self.output(code).relu(), self.dropout, self.training)
