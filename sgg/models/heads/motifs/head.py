"""The network of the Neural Motifs head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes

from .class_nms import labels_by_nms
from .context import SequenceContext
from .decoder import LabelDecoder
from .pairs import PairClassifier, PairsStream
from .position import DIM as POSITION_DIM
from .position import PositionEmbedding
from .sequence import SequenceOrder

CERTAIN = 1000.0
"""The logit of a given label; all other labels get its negative."""


class MotifsHead(nn.Module):
    """Object context, labels, edge context, predicates (docs/SYSTEM.md section 2, "Neural Motifs").

    sizes: the sizes of inputs and outputs. class_vectors: [C, D] the start of all four label embeddings; None: N(0, 1).
    The other arguments are the settings of `Motifs`.
    """

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, hidden_dim: int, object_layers: int,
                 edge_layers: int, pooling_dim: int, dropout: float, vision: bool) -> None:
        super().__init__()
        objects = sizes.vector + sizes.embedding + POSITION_DIM
        self.object_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.edge_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.position = PositionEmbedding()
        self.object_context = SequenceContext(objects, hidden_dim, object_layers, dropout)
        self.decoder = LabelDecoder(objects + hidden_dim, hidden_dim, sizes.embedding, sizes.classes, dropout)
        self.edge_context = SequenceContext(sizes.embedding + sizes.vector + hidden_dim, hidden_dim, edge_layers,
                                            dropout)
        self.pairs = PairClassifier(hidden_dim, sizes.vector, pooling_dim, sizes.predicates, vision)
        if class_vectors is not None:
            with torch.no_grad():
                self.object_embedding.weight.copy_(class_vectors)
                self.edge_embedding.weight.copy_(class_vectors)
                self.decoder.label_embedding.weight[1:].copy_(class_vectors)

    # torch.compile would compile its loops again for every number of steps, which takes minutes each time.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch's own, and untyped
    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, and the labels on which the predicates depend."""
        edge_context, label_logits, labels = self._contexts(inputs)
        return HeadOutputs(label_logits, self.pairs(edge_context, inputs.edges, inputs.pairs), labels)

    def stream_pairs(self, inputs: HeadInputs) -> PairsStream:
        """As `StreamingHead.stream_pairs`."""
        return PairsStream(self.pairs, inputs.pairs, *self._contexts(inputs))

    def _contexts(self, inputs: HeadInputs) -> tuple[Tensor, Tensor, Tensor]:
        """[N, hidden_dim] contexts of objects for their pairs, and logits [N, C] and labels [N] of objects. The vectors
        of pairs are not read."""
        order = SequenceOrder.right_to_left(inputs.boxes, inputs.image_index, inputs.num_images)
        position = self.position(inputs.boxes, inputs.image_sizes[inputs.image_index])
        objects = torch.cat([inputs.nodes, self._label_code(inputs), position], dim=1)
        object_context = self.object_context(objects, order)
        label_logits, labels = self._decide(inputs, torch.cat([objects, object_context], dim=1), order)
        known = torch.cat([self.edge_embedding(labels), inputs.nodes, object_context], dim=1)
        edge_context = self.edge_context(known, order)
        return edge_context, label_logits, labels

    def _label_code(self, inputs: HeadInputs) -> Tensor:
        """[N, D] the embedding of the given label, or the mean of all embeddings weighted by the detector's
        probabilities."""
        if inputs.labels is not None:
            return self.object_embedding(inputs.labels)
        assert inputs.detector_logits is not None
        return torch.softmax(inputs.detector_logits.detach(), dim=1) @ self.object_embedding.weight

    def _decide(self, inputs: HeadInputs, objects: Tensor, order: SequenceOrder) -> tuple[Tensor, Tensor]:
        """Logits of labels [N, C] and labels [N]."""
        if inputs.labels is not None:
            certain = torch.full_like(objects[:, :1], -CERTAIN).repeat(1, self.decoder.classify.out_features)
            return certain.scatter(1, inputs.labels[:, None], CERTAIN), inputs.labels
        logits, labels = self.decoder(objects, order, inputs.target_labels if self.training else None)
        if inputs.mode == "sgdet" and not self.training:
            assert inputs.class_boxes is not None
            labels = labels_by_nms(logits, inputs.class_boxes, inputs.image_index, inputs.num_images)
        return logits, labels
