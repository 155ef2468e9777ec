"""The network of T-CAR (Li et al. 2023; docs/SYSTEM.md section 2)."""

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
class TCAR(Head):
    """The network of T-CAR: self-attention among the objects of an image, then among its pairs, without words. Its
    calibration is no part of the head."""

    needs: ClassVar[frozenset[Need]] = frozenset({"class_boxes"})

    kind: Annotated[Literal["tcar"], trains()] = "tcar"
    """Transformer encoders over the objects and over the pairs of an image."""
    hidden_dim: Annotated[PositiveInt, trains(), data_defaults(toy=64)] = 512
    """Width of the states of objects and pairs."""
    object_layers: Annotated[PositiveInt, trains(), data_defaults(toy=2)] = 4
    """Layers of the encoder of objects."""
    edge_layers: Annotated[PositiveInt, trains()] = 2
    """Layers of the encoder of pairs."""
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
    """Dropout of the position codes, of the weights of attention, and of the output of each half of a layer."""

    @classmethod
    def published(cls) -> PublishedHead:
        """As `Head.published`."""
        from .published_names import PUBLISHED

        return PUBLISHED

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """The network; it needs no word vectors."""
        from .head import TCARHead

        return TCARHead(sizes, **self.model_dump(exclude={"kind"}))
