"""Neural Motifs (Zellers et al. 2018), as in the public re-implementation of Tang et al. (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import PositiveInt

from sgg.methods.head import HEADS, Head, HeadSizes, Need
from sgg.settings.marks import suits
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    from torch import Tensor, nn


@HEADS.register
class Motifs(Head):
    """Neural Motifs: an LSTM over the objects of an image gives them labels, one after another; a second LSTM, which
    sees these labels, gives the context that pairs are classified by."""

    needs: ClassVar[frozenset[Need]] = frozenset({"detector_logits", "class_boxes", "class_vectors"})
    conditions_on_labels: ClassVar[bool] = True

    kind: Annotated[Literal["motifs"], trains()] = "motifs"
    """Neural Motifs."""
    hidden_dim: Annotated[PositiveInt, trains(), suits(toy=64)] = 512
    """Width of the LSTMs' states, in each direction."""
    object_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the object context's LSTM; 2 in the paper, 1 in the re-implementation."""
    edge_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the edge context's LSTM; 4 in the paper, 1 in the re-implementation."""
    pooling_dim: Annotated[PositiveInt, trains(), suits(toy=128)] = 4096
    """Width of a pair's vector. A linear layer widens the vectors of the box head where these have another width."""
    dropout: Annotated[Fraction, trains(mid_training=True)] = 0.2
    """Dropout of the decoder's states, and between the layers of an LSTM."""
    vision: Annotated[bool, trains()] = True
    """Multiply a pair's vector by the visual vector of its union box. false: the context alone decides."""

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """As `Head.build`. words: label embeddings start from the vectors of classes; without, from N(0, 1)."""
        from .head import MotifsHead

        return MotifsHead(sizes, None if words is None else words[0], **self.model_dump(exclude={"kind"}))
