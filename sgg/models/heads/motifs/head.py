"""The network of the Neural Motifs head."""

from __future__ import annotations

import torch
from torch import Tensor

from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes
from sgg.models.head_parts.pairs import PairClassifier, PairsStream

from .context import MotifsContext


class MotifsHead(MotifsContext):
    """Contexts and labels of objects, then predicates (docs/SYSTEM.md section 2, "Neural Motifs").

    The arguments are those of `MotifsContext`, and pooling_dim and vision of `Motifs`.
    """

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, hidden_dim: int, object_layers: int,
                 edge_layers: int, pooling_dim: int, dropout: float, vision: bool) -> None:
        super().__init__(sizes, class_vectors, hidden_dim=hidden_dim, object_layers=object_layers,
                         edge_layers=edge_layers, dropout=dropout)
        self.pairs = PairClassifier(hidden_dim, sizes.vector, pooling_dim, sizes.predicates, vision)

    # torch.compile would compile its loops again for every number of steps, which takes minutes each time.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch's own, and untyped
    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, and the labels on which the predicates depend."""
        contexts = self.contexts(inputs)
        return contexts.outputs(self.pairs(contexts.edge, inputs.edges, inputs.pairs))

    def stream_pairs(self, inputs: HeadInputs) -> PairsStream:
        """As `StreamingHead.stream_pairs`."""
        contexts = self.contexts(inputs)
        return PairsStream(lambda pairs, vectors: self.pairs(contexts.edge, vectors, pairs), inputs.pairs,
                           contexts.outputs())
