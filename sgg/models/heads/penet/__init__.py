"""PE-Net: a prototype of each predicate in a space of words (Zheng et al. 2023; docs/SYSTEM.md section 2)."""

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
class PENet(Head):
    """PE-Net: pairs and predicates are points of one space. A pair has the predicate whose prototype is nearest in
    direction; prototypes come from the words of the predicates and are kept apart."""

    needs: ClassVar[frozenset[Need]] = frozenset({"detector_logits", "class_boxes", "class_vectors",
                                                  "predicate_vectors"})
    conditions_on_labels: ClassVar[bool] = True

    kind: Annotated[Literal["penet"], trains()] = "penet"
    """Prototype embedding network."""
    hidden_dim: Annotated[PositiveInt, trains(), data_defaults(toy=64)] = 512
    """Width of the layer that predicts labels."""
    semantic_dim: Annotated[PositiveInt, trains(), data_defaults(toy=64)] = 2048
    """Width of the representations of objects and pairs. Prototypes have twice this width."""
    dropout: Annotated[Fraction, trains(mid_training=True)] = 0.2
    """Dropout of all representations."""

    @classmethod
    def published(cls) -> PublishedHead:
        """As `Head.published`."""
        from .published_names import PUBLISHED

        return PUBLISHED

    def build(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None) -> nn.Module:
        """As `Head.build`. words: the embeddings of classes and predicates start from their vectors; without words,
        from N(0, 1)."""
        from .head import PENetHead

        return PENetHead(sizes, words, **self.model_dump(exclude={"kind"}))
