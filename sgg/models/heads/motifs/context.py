"""The context of an object: a vector that depends on all objects of its image (Zellers et al. 2018)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadSizes
from sgg.models.head_parts.contexts import Averages, Contexts
from sgg.models.head_parts.labels import certain_logits, decided_labels, label_code, start_from
from sgg.models.head_parts.position import DIM as POSITION_DIM
from sgg.models.head_parts.position import PositionEmbedding

from .decoder import LabelDecoder
from .sequence import SequenceOrder
from .sequence_context import SequenceContext


class MotifsContext(nn.Module):
    """Object context, labels, edge context (docs/SYSTEM.md section 2, "Neural Motifs").

    sizes: the sizes of inputs and outputs. class_vectors: [C, D] the start of all four label embeddings; None: N(0, 1).
    The other arguments are settings of `Motifs`.
    """

    averages_each_image: ClassVar[bool] = False
    """Whether a running mean of `Contexts.to_decode` follows each image by itself, one after another."""

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, hidden_dim: int, object_layers: int,
                 edge_layers: int, dropout: float) -> None:
        super().__init__()
        objects = sizes.vector + sizes.embedding + POSITION_DIM
        self.object_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.edge_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.position = PositionEmbedding()
        self.object_context = SequenceContext(objects, hidden_dim, object_layers, dropout)
        self.decoder = LabelDecoder(objects + hidden_dim, hidden_dim, sizes.embedding, sizes.classes, dropout)
        self.edge_context = SequenceContext(sizes.embedding + sizes.vector + hidden_dim, hidden_dim, edge_layers,
                                            dropout)
        if class_vectors is not None:
            start_from(class_vectors, self.object_embedding.weight, self.edge_embedding.weight,
                       self.decoder.label_embedding.weight[1:])

    def contexts(self, inputs: HeadInputs, averages: Averages | None = None) -> Contexts:
        """The contexts and labels of objects. The vectors of pairs are not read. averages: as in `Averages`."""
        (found,) = self.contexts_under(inputs, averages)
        return found

    def contexts_under(self, inputs: HeadInputs, *several: Averages | None) -> list[Contexts]:
        """As `contexts`, under each of several averages. What depends on none of them is computed once."""
        order = SequenceOrder.right_to_left(inputs.boxes, inputs.image_index, inputs.num_images)
        position = self.position(inputs.boxes, inputs.image_sizes[inputs.image_index])
        objects = torch.cat([inputs.nodes, label_code(self.object_embedding, inputs), position], dim=1)
        object_context = self.object_context(objects, order)
        to_decode = torch.cat([objects, object_context], dim=1)
        return [self._contexts(inputs, order, object_context, to_decode, averages) for averages in several]

    def _contexts(self, inputs: HeadInputs, order: SequenceOrder, object_context: Tensor, to_decode: Tensor,
                  averages: Averages | None) -> Contexts:
        if averages is not None:
            to_decode = averages.to_decode.expand_as(to_decode)
        label_logits, labels = self._decide(inputs, to_decode, order, averages is None)
        known = torch.cat([self.edge_embedding(labels), inputs.nodes], dim=1)
        if averages is not None:
            known = averages.known.expand_as(known)
        edge_context = self.edge_context(torch.cat([known, object_context], dim=1), order)
        return Contexts(edge_context, label_logits, labels, to_decode, known)

    def _decide(self, inputs: HeadInputs, objects: Tensor, order: SequenceOrder,
                suppress: bool) -> tuple[Tensor, Tensor]:
        """Logits of labels [N, C] and labels [N]. suppress: by non-maximum suppression in SGDet."""
        if inputs.labels is not None:
            return certain_logits(inputs.labels, self.decoder.classify.out_features, objects), inputs.labels
        logits, labels = self.decoder(objects, order, inputs.target_labels if self.training else None)
        if inputs.mode == "sgdet" and not self.training and suppress:
            labels = decided_labels(logits, inputs, self.training)
        return logits, labels
