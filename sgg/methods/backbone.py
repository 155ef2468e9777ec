"""Detector backbones: what a detector looks like from outside, and the section of settings that makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import PositiveFloat, PositiveInt

from sgg.settings.roles import trains
from sgg.settings.section import HomePath

from .registry import Method, Registry, roles_of

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

BACKBONES: Registry[Backbone] = Registry("detector backbone", "sgg.detector.backbones", default="vgg16", key="backbone")


@dataclass(frozen=True)
class DetectorSpec:
    """What one kind of detector looks like from outside.

    image_size: longer side of the resized picture in pixels. divisor: padded pictures are a multiple of this. stride:
    pixels a cell of the global map. channels: of the global map. head_dim: width of the box head. dropout and
    edge_relu: of the box head's copies in the scene-graph model (see `sgg.models.box_head.BoxHead`).
    """

    image_size: int
    divisor: int
    stride: int
    channels: int
    head_dim: int
    dropout: float = 0.0
    edge_relu: bool = True

    def map_size(self, image_size: int) -> int:
        """Cells along a side of the global map of a picture resized to `image_size` pixels."""
        return -(-image_size // self.divisor) * self.divisor // self.stride


class Backbone(Method):
    """The settings of a frozen detector (docs/SYSTEM.md section 2), how it is made and how it is trained.

    spec: what it looks like from outside; a property where that depends on settings. An entry may have settings of its
    own beside those that every backbone has. They decide what `build` makes: they are part of a detector's identity,
    and detector.json keeps them.
    """

    spec: ClassVar[DetectorSpec]
    required: ClassVar[frozenset[str]] = frozenset({"build", "recipe"})

    weights: Annotated[HomePath | None, trains(shared=True, tried=True)] = None
    """A published `vg-faster-rcnn.tar` or a directory made by `python -m sgg.detector train`; None: pre-train here."""
    features: Annotated[HomePath | None, trains(shared=True, tried=True)] = None
    """A store of real node features of training that the augmentation reads in place of our own extraction, for example
    the papers' (`python -m sgg.features import-hdf5`); None: extracted by this detector and kept in the cache."""
    epochs: Annotated[PositiveInt, trains(shared=True)] = 10
    """Epochs of the detector's training."""
    batch_size: Annotated[PositiveInt, trains(shared=True)] = 8
    """Images of a batch of the detector's training."""
    learning_rate: Annotated[PositiveFloat, trains(shared=True)] = 0.01
    """Learning rate of the detector's training."""

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """Trials that differ in a setting of a backbone need detectors of their own, so its role must say so."""
        if not isinstance(getattr(cls(), "spec", None), DetectorSpec):
            return "needs a `spec`, an sgg.methods.backbone.DetectorSpec"
        for key, role in roles_of(cls).items():
            if not role.shared:
                return f"must have trains(shared=True) as the role of {key}, got {', '.join(role.words)}"
        return None

    @property
    def own_settings(self) -> dict[str, Any]:
        """The settings that not every backbone has, as plain values. With the name they say what `build` makes."""
        return self.model_dump(mode="json", exclude={*Backbone.model_fields, BACKBONES.key})

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """torchvision's R-CNN with random weights, as the entry's own settings say.

        num_classes: C, background included. settings: arguments that all of them get, such as the size of pictures.
        `epochs`, `batch_size`, `learning_rate`, `weights` and `features` must not matter here: a detector that is
        opened again does not know them.
        """
        raise NotImplementedError

    def recipe(self) -> Any:
        """How it is trained, a `sgg.detector.recipe.Recipe`."""
        raise NotImplementedError
