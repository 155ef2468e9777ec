"""Unbiased scene graph generation by causal effects (Tang et al. 2020), as in the authors' implementation
(docs/SYSTEM.md section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

from sgg.methods.counterfactual import AVERAGE_CONTEXT, AVERAGE_CONTEXT_AND_CLASSES, EXPECTED_CLASSES
from sgg.methods.head import HEADS, Head, HeadSizes, Need
from sgg.methods.published_head import PublishedHead
from sgg.settings.marks import data_defaults
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    from torch import Tensor, nn


@HEADS.register
class Causal(Head):
    """Causal effects: pairs are scored by three branches, context, vision and frequencies. A trained model also gives
    the scores that it would give with an average context, from which `evaluation.effect` takes causal effects."""

    needs: ClassVar[frozenset[Need]] = frozenset({"detector_logits", "class_boxes", "class_vectors",
                                                  "frequency_table"})
    conditions_on_labels: ClassVar[bool] = True
    has_frequency_bias: ClassVar[bool] = True
    only_real: ClassVar[str] = "its frequencies and average contexts must be those of real images"
    counterfactuals: ClassVar[frozenset[str]] = frozenset({EXPECTED_CLASSES, AVERAGE_CONTEXT,
                                                           AVERAGE_CONTEXT_AND_CLASSES})

    kind: Annotated[Literal["causal"], trains()] = "causal"
    """Branches of context, vision and frequencies, whose causal effects are measured (evaluation.effect)."""
    context: Annotated[Literal["motifs", "vctree"], trains()] = "motifs"
    """The contexts of objects: those of Neural Motifs, or those of VCTree."""
    fusion: Annotated[Literal["sum", "gate"], trains()] = "sum"
    """How the branches are joined. sum: their logits are added. gate: the logits of the context are multiplied by a
    gate that follows from all three."""
    spatial: Annotated[bool, trains()] = True
    """Multiply the context of a pair by a vector that follows from both boxes, their union and their intersection."""
    separate_boxes: Annotated[bool, trains()] = False
    """Keep the drawing of both boxes apart from the visual vector of a pair: a vector of the drawing multiplies the
    context of the pair, and the drawing is not added to its visual map."""
    hidden_dim: Annotated[PositiveInt, Field(multiple_of=2), trains(), data_defaults(toy=64)] = 512
    """Width of the contexts, an even number."""
    object_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the object context's LSTM."""
    edge_layers: Annotated[PositiveInt, trains()] = 1
    """Layers of the edge context's LSTM."""
    pooling_dim: Annotated[PositiveInt, trains(), data_defaults(toy=128)] = 4096
    """Width of the context of a pair."""
    dropout: Annotated[Fraction, trains(mid_training=True)] = 0.2
    """Dropout of the states of the decoder, and between layers of a context."""

    @property
    def drawing_dim(self) -> int:
        """As `Head.drawing_dim`: as wide as the context that it multiplies."""
        return self.pooling_dim if self.separate_boxes else 0

    @classmethod
    def published(cls) -> PublishedHead:
        """As `Head.published`."""
        from .published_names import PUBLISHED

        return PUBLISHED

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """As `Head.build`. words: label embeddings start from the vectors of the classes; without words, from N(0, 1).
        """
        from .head import CausalHead

        return CausalHead(sizes, None if words is None else words[0], **self.model_dump(exclude={"kind"}))
