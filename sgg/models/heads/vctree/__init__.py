"""VCTree (Tang et al. 2019), as in the public re-implementation of Tang et al. (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

from sgg.methods.head import HEADS, Head, HeadSizes, Need
from sgg.methods.published_head import PublishedHead
from sgg.settings.marks import data_defaults
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    from torch import Tensor, nn


@HEADS.register
class VCTree(Head):
    """VCTree: scores of pairs make a tree of the objects of an image. LSTMs along the tree predict labels and give the
    context from which pairs are classified."""

    needs: ClassVar[frozenset[Need]] = frozenset({"detector_logits", "class_boxes", "class_vectors",
                                                  "frequency_table"})
    conditions_on_labels: ClassVar[bool] = True

    kind: Annotated[Literal["vctree"], trains()] = "vctree"
    """Visual context tree."""
    hidden_dim: Annotated[PositiveInt, Field(multiple_of=2), trains(), data_defaults(toy=64)] = 1024
    """Width of the contexts: half of it for each direction of the LSTMs, so it must be even."""
    object_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the object context's LSTM."""
    edge_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the edge context's LSTM."""
    pooling_dim: Annotated[PositiveInt, trains(), data_defaults(toy=128)] = 4096
    """Width of the vector of a pair. Where the box head has another width, a linear layer changes the width of its
    vectors."""
    dropout: Annotated[Fraction, trains(mid_training=True)] = 0.2
    """Dropout of the states of the decoder, and of contexts of more than one layer."""

    @classmethod
    def published(cls) -> PublishedHead:
        """As `Head.published`."""
        from .published_names import PUBLISHED

        return PUBLISHED

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """As `Head.build`. words: label embeddings start from the vectors of the classes; without words, from N(0, 1).
        """
        from .head import VCTreeHead

        return VCTreeHead(sizes, None if words is None else words[0], **self.model_dump(exclude={"kind"}))
