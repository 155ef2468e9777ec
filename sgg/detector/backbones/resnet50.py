"""ResNet-50 with a feature pyramid, as in the GQA experiments of the papers: torchvision's Mask R-CNN without masks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from sgg.methods.backbone import BACKBONES, Backbone, DetectorSpec
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

    from sgg.detector.recipe import Recipe


@BACKBONES.register
class ResNet50(Backbone):
    """Mask R-CNN with ResNet-50 and a feature pyramid."""

    spec: ClassVar[DetectorSpec] = DetectorSpec(1333, 32, 64, channels=256, head_dim=1024)

    backbone: Annotated[Literal["resnet50"], trains(shared=True)] = "resnet50"
    """ResNet-50 with a feature pyramid."""

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """Mask R-CNN without its mask predictor."""
        from torchvision.models.detection import MaskRCNN
        from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
        from torchvision.ops import FrozenBatchNorm2d

        # eps 0 as torchvision sets it for its published Mask R-CNN weights.
        body = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5,
                                   norm_layer=partial(FrozenBatchNorm2d, eps=0.0))
        rcnn = MaskRCNN(body, num_classes, **settings)
        rcnn.roi_heads.mask_predictor = None  # scene graphs need boxes only; the published weights have none either
        return rcnn

    def recipe(self) -> Recipe:
        """SGD on all weights at once."""
        from sgg.detector.recipe import Recipe

        return Recipe("sgd", self.epochs, self.batch_size, self.learning_rate)
