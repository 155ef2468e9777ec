"""The network of the Neural Motifs head."""

from __future__ import annotations

from torch import Tensor

from sgg.methods.head import HeadSizes
from sgg.models.head_parts.context_head import ContextHead
from sgg.models.head_parts.pairs import PairClassifier

from .context import MotifsContext


class MotifsHead(MotifsContext, ContextHead):
    """Contexts and labels of objects, then predicates (docs/SYSTEM.md section 2, "Neural Motifs").

    The arguments are those of `MotifsContext`, and pooling_dim and vision of `Motifs`.
    """

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, hidden_dim: int, object_layers: int,
                 edge_layers: int, pooling_dim: int, dropout: float, vision: bool) -> None:
        super().__init__(sizes, class_vectors, hidden_dim=hidden_dim, object_layers=object_layers,
                         edge_layers=edge_layers, dropout=dropout)
        self.pairs = PairClassifier(hidden_dim, sizes.vector, pooling_dim, sizes.predicates, vision)
