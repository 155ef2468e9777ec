"""Neural Motifs (Zellers et al. 2018), as in the public re-implementation of Tang et al. (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import PositiveInt

from sgg.methods.head import HEADS, Head, HeadSizes, Need
from sgg.methods.published_head import PublishedHead
from sgg.settings.marks import data_defaults
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    from torch import Tensor, nn


@HEADS.register
class Motifs(Head):
    """Neural Motifs: a first LSTM over the objects of an image predicts their labels, one after another. A second LSTM
    reads these labels and gives the context from which pairs are classified."""

    needs: ClassVar[frozenset[Need]] = frozenset({"detector_logits", "class_boxes", "class_vectors"})
    conditions_on_labels: ClassVar[bool] = True

    kind: Annotated[Literal["motifs"], trains()] = "motifs"
    """Neural Motifs."""
    hidden_dim: Annotated[PositiveInt, trains(), data_defaults(toy=64)] = 512
    """Width of the LSTMs' states, in each direction."""
    object_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the object context's LSTM; 2 in the paper, 1 in the re-implementation."""
    edge_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the edge context's LSTM; 4 in the paper, 1 in the re-implementation."""
    pooling_dim: Annotated[PositiveInt, trains(), data_defaults(toy=128)] = 4096
    """Width of the vector of a pair. Where the box head has another width, a linear layer changes the width of its
    vectors."""
    dropout: Annotated[Fraction, trains(mid_training=True)] = 0.2
    """Dropout of the states of the decoder, and between the layers of an LSTM."""
    vision: Annotated[bool, trains()] = True
    """Multiply the vector of a pair by the visual vector of its union box. false: use the context alone."""

    @classmethod
    def published(cls) -> PublishedHead:
        """As `Head.published`."""
        from .published_names import PUBLISHED

        return PUBLISHED

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """As `Head.build`. words: label embeddings start from the vectors of the classes; without words, from N(0, 1).
        """
        from .head import MotifsHead

        return MotifsHead(sizes, None if words is None else words[0], **self.model_dump(exclude={"kind"}))
