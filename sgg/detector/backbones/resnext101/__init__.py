"""ResNeXt-101 32x8d with a feature pyramid, as in Scene-Graph-Benchmark (Tang et al. 2020, in code:
KaihuaTang/Scene-Graph-Benchmark.pytorch): torchvision's Faster R-CNN with that implementation's anchors, pixel values
and conventions of boxes (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from sgg.methods.backbone import BACKBONES, Backbone, DetectorSpec
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

    from sgg.detector.recipe import Recipe

MEAN = (122.7717, 115.9465, 102.9801)
"""Red, green and blue that are taken away from pixels of 0 to 255. They are not scaled."""
PROPOSALS = 6000, 1000
"""Proposals before and after non-maximum suppression, the first ones of each level."""


@BACKBONES.register
class ResNeXt101(Backbone):
    """Faster R-CNN with ResNeXt-101 32x8d and a feature pyramid."""

    # A divisor of 64, not of 32, makes each level of the pyramid exactly half of the one before.
    spec: ClassVar[DetectorSpec] = DetectorSpec(800, 64, 4, channels=256, head_dim=4096, levels=4, last_pixel=True,
                                                own_sizes=True)

    body: ClassVar[str] = "resnext101_32x8d"
    """torchvision's name of the network below the pyramid."""

    backbone: Annotated[Literal["resnext101"], trains(shared=True)] = "resnext101"
    """ResNeXt-101 32x8d with a feature pyramid; objects and pairs are pooled from four of its levels."""

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """Faster R-CNN on all levels of the pyramid, with a box head of 4096."""
        from torchvision.models.detection import FasterRCNN
        from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
        from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
        from torchvision.ops import FrozenBatchNorm2d

        from sgg.detector.rcnn import POOLED

        from .anchors import PyramidAnchors
        from .pooling import PyramidRoIAlign

        spec, (before, after) = self.spec, PROPOSALS
        # The reference's frozen BatchNorm adds nothing to the variance.
        body = resnet_fpn_backbone(backbone_name=self.body, weights=None, trainable_layers=5,
                                   norm_layer=partial(FrozenBatchNorm2d, eps=0.0))
        return FasterRCNN(
            body, image_mean=[level / 255 for level in MEAN], image_std=[1 / 255] * 3,
            rpn_anchor_generator=PyramidAnchors(), rpn_pre_nms_top_n_train=before, rpn_pre_nms_top_n_test=before,
            rpn_post_nms_top_n_train=after, rpn_post_nms_top_n_test=after,
            box_roi_pool=PyramidRoIAlign(spec.levels, spec.stride),
            box_head=TwoMLPHead(spec.channels * POOLED**2, spec.head_dim),
            box_predictor=FastRCNNPredictor(spec.head_dim, num_classes), **settings)

    def recipe(self) -> Recipe:
        """SGD on all weights at once."""
        from sgg.detector.recipe import Recipe

        return Recipe("sgd", self.epochs, self.batch_size, self.learning_rate)
