"""VGG16, as in Neural Motifs: one map at stride 16, and a box head of its two wide layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from sgg.methods.backbone import BACKBONES, Backbone, DetectorSpec
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

    from sgg.detector.recipe import Recipe


@BACKBONES.register
class VGG16(Backbone):
    """Faster R-CNN with VGG16."""

    spec: ClassVar[DetectorSpec] = DetectorSpec(592, 32, 16, channels=512, head_dim=4096, dropout=0.5, edge_relu=False)

    backbone: Annotated[Literal["vgg16"], trains(shared=True)] = "vgg16"
    """VGG16."""

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """Faster R-CNN on the last map of VGG16 before its last pooling."""
        from torch import nn
        from torchvision.models.detection.rpn import AnchorGenerator
        from torchvision.models.vgg import cfgs, make_layers

        from sgg.detector.rcnn import single_level

        body = make_layers(cfgs["D"])[:-1]
        for layer in body:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        body.out_channels = 512
        anchors = AnchorGenerator(((32, 64, 128, 256, 512),), ((0.5, 1.0, 2.0),))
        return single_level(body, num_classes, anchors, head_dim=4096, **settings)

    def recipe(self) -> Recipe:
        """SGD on all weights at once."""
        from sgg.detector.recipe import Recipe

        return Recipe("sgd", self.epochs, self.batch_size, self.learning_rate)
