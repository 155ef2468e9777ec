"""A detector for the small images of the toy genome. It trains in a minute on one core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from sgg.methods.backbone import BACKBONES, Backbone, DetectorSpec
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

    from sgg.detector.recipe import Recipe


@BACKBONES.register
class Tiny(Backbone):
    """Faster R-CNN with four convolutions."""

    spec: ClassVar[DetectorSpec] = DetectorSpec(176, 16, 8, channels=32, head_dim=128)

    backbone: Annotated[Literal["tiny"], trains(shared=True)] = "tiny"
    """Four convolutions, for the toy genome."""
    epochs: Annotated[PositiveInt, trains(shared=True)] = 9
    """Epochs of the detector's training."""
    batch_size: Annotated[PositiveInt, trains(shared=True)] = 16
    """Images of a batch of the detector's training."""
    learning_rate: Annotated[PositiveFloat, trains(shared=True)] = 0.004
    """Learning rate of the detector's training."""

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """Faster R-CNN with a box head of 128."""
        from torchvision.models.detection.rpn import AnchorGenerator

        from sgg.detector.rcnn import single_level

        from .body import TinyBody

        anchors = AnchorGenerator(((12, 24, 48, 96),), ((0.5, 1.0, 2.0),))
        return single_level(TinyBody(), num_classes, anchors, head_dim=128, rpn_pre_nms_top_n_train=300,
                            rpn_post_nms_top_n_train=100, rpn_batch_size_per_image=64, rpn_pre_nms_top_n_test=300,
                            rpn_post_nms_top_n_test=150, box_batch_size_per_image=64, **settings)

    def recipe(self) -> Recipe:
        """AdamW: first backbone and box head on true boxes, then the heads on a backbone that stays as it is."""
        from sgg.detector.recipe import Phase, Recipe, heads, regions

        return Recipe("adamw", self.epochs, self.batch_size, self.learning_rate, weight_decay=0.01,
                      phases=(Phase(regions, ("backbone", "roi_heads"), 5 / 9),
                              Phase(heads, ("rpn", "roi_heads"), 4 / 9)))
