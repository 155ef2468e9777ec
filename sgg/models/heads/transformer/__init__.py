"""The Transformer head of the public re-implementation of Tang et al. (docs/SYSTEM.md section 2)."""

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
class Transformer(Head):
    """Transformer: self-attention among the objects of an image predicts their labels. A second encoder reads these
    labels and gives the context from which pairs are classified."""

    needs: ClassVar[frozenset[Need]] = frozenset({"detector_logits", "class_boxes", "class_vectors"})
    conditions_on_labels: ClassVar[bool] = True

    kind: Annotated[Literal["transformer"], trains()] = "transformer"
    """Transformer encoders over the objects of an image."""
    hidden_dim: Annotated[PositiveInt, trains(), data_defaults(toy=64)] = 512
    """Width of the states of objects."""
    object_layers: Annotated[PositiveInt, trains(), data_defaults(toy=2)] = 4
    """Layers of the encoder that predicts labels."""
    edge_layers: Annotated[PositiveInt, trains()] = 2
    """Layers of the encoder that gives the context of pairs."""
    attention_heads: Annotated[PositiveInt, trains()] = 8
    """Heads of self-attention in each layer."""
    key_dim: Annotated[PositiveInt, trains(), data_defaults(toy=8)] = 64
    """Width of the queries, keys and values of one head of self-attention."""
    inner_dim: Annotated[PositiveInt, trains(), data_defaults(toy=128)] = 2048
    """Width of the layer between in each feed-forward network."""
    pooling_dim: Annotated[PositiveInt, trains(), data_defaults(toy=128)] = 4096
    """Width of the vector of a pair. Where the box head has another width, a linear layer changes the width of its
    vectors."""
    dropout: Annotated[Fraction, trains(mid_training=True)] = 0.1
    """Dropout of the position code, of the weights of attention, and of the output of each half of a layer."""

    @classmethod
    def published(cls) -> PublishedHead:
        """As `Head.published`."""
        from .published_names import PUBLISHED

        return PUBLISHED

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """As `Head.build`. words: label embeddings start from the vectors of the classes; without words, from N(0, 1).
        """
        from .head import TransformerHead

        return TransformerHead(sizes, None if words is None else words[0], **self.model_dump(exclude={"kind"}))
