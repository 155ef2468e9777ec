"""Detector backbones: the sizes of a detector, and the section of settings that builds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import PositiveFloat, PositiveInt

from sgg.settings.marks import acts_with
from sgg.settings.roles import trains
from sgg.settings.section import HomePath

from .registry import Method, Registry, roles_of

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

BACKBONES: Registry[Backbone] = Registry("detector backbone", "sgg.detector.backbones", default="vgg16", key="backbone")


@dataclass(frozen=True)
class DetectorSpec:
    """The sizes of one kind of detector, as other parts of the system need them.

    image_size: longer side of the resized image in pixels. divisor: the sides of a padded image are multiples of it.
    stride: pixels per cell of the global map. channels: of the global map. head_dim: width of the box head. dropout and
    edge_relu: of the box head's copies in the scene-graph model (see `sgg.models.box_head.BoxHead`). levels: of the
    feature pyramid in the global map (`sgg.models.pyramid`), whose finest level has the `stride`; 1: the map is one
    level. last_pixel: whether the last pixel belongs to a box, so that one from 3 to 5 is 3 pixels wide. own_sizes:
    whether heads and drawings get the size of an image as it is, and not that of the padded square.
    """

    image_size: int
    divisor: int
    stride: int
    channels: int
    head_dim: int
    dropout: float = 0.0
    edge_relu: bool = True
    levels: int = 1
    last_pixel: bool = False
    own_sizes: bool = False

    def map_size(self, image_size: int) -> int:
        """The number of cells along a side of the global map, or of its finest level, of an image resized to
        `image_size` pixels."""
        return -(-image_size // self.divisor) * self.divisor // self.stride

    def map_shape(self, image_size: int) -> tuple[int, int, int]:
        """Channels, height and width of the global map of such an image."""
        side = self.map_size(image_size)
        return self.channels, side, side if self.levels == 1 else side + side // 2


class Backbone(Method):
    """The settings of a frozen detector (docs/SYSTEM.md section 2), and the methods that build it and say how to train
    it.

    spec: its sizes; a property if they depend on settings. An entry may have settings of its own beside those that
    every backbone has. `build` reads them, so they are part of a detector's identity, and detector.json keeps them.
    """

    spec: ClassVar[DetectorSpec]
    required: ClassVar[frozenset[str]] = frozenset({"build", "recipe"})

    weights: Annotated[HomePath | None, trains(shared=True, tried=True)] = None
    """A published `vg-faster-rcnn.tar` or a folder that `python -m sgg.detector train` wrote; None: the run trains its
    own detector."""
    features: Annotated[HomePath | None, trains(shared=True, tried=True)] = None
    """A store of real node features of training images for the augmentation, for example that of the papers
    (`python -m sgg.features import-hdf5`); None: this detector extracts the features, and the cache keeps them."""
    epochs: Annotated[PositiveInt, trains(shared=True), acts_with("weights", None)] = 10
    """Epochs of the detector's training."""
    batch_size: Annotated[PositiveInt, trains(shared=True), acts_with("weights", None)] = 8
    """Images per batch of the detector's training."""
    learning_rate: Annotated[PositiveFloat, trains(shared=True), acts_with("weights", None)] = 0.01
    """Learning rate of the detector's training."""

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """A missing `spec`, or a setting whose role does not say that trials share what it decides, the detector."""
        if not isinstance(getattr(cls(), "spec", None), DetectorSpec):
            return "needs an attribute `spec`, an sgg.methods.backbone.DetectorSpec"
        for key, role in roles_of(cls).items():
            if not role.shared:
                return f"must have trains(shared=True) as the role of {key}, got {', '.join(role.words)}"
        return None

    @property
    def own_settings(self) -> dict[str, Any]:
        """The settings that only this backbone has, as plain values. With the name they decide what `build` makes."""
        return self.model_dump(mode="json", exclude={*Backbone.model_fields, BACKBONES.key})

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """Build torchvision's R-CNN with random weights from the entry's own settings.

        num_classes: C, background included. settings: arguments that every backbone gets, such as the image size.
        The result must not depend on `epochs`, `batch_size`, `learning_rate`, `weights` and `features`: a detector
        that is loaded from its file does not know them.
        """
        raise NotImplementedError

    def recipe(self) -> Any:
        """The `sgg.detector.recipe.Recipe` of the detector's training."""
        raise NotImplementedError
