"""Detector backbones: what a detector looks like from outside, and the section of settings that makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import PositiveFloat, PositiveInt

from sgg.config.roles import trains
from sgg.config.section import HomePath

from .registry import Method, Registry

if TYPE_CHECKING:
    from torchvision.models.detection import FasterRCNN

BACKBONES: Registry[Backbone] = Registry("detector backbone", "sgg.detector.backbones", default="vgg16", key="backbone")


@dataclass(frozen=True)
class Look:
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
    """The settings of a frozen detector (docs/SYSTEM.md section 2), how it is made and how it is trained."""

    look: ClassVar[Look]
    required: ClassVar[frozenset[str]] = frozenset({"build", "recipe"})

    weights: Annotated[HomePath | None, trains(shared=True, tried=True)] = None
    """A published `vg-faster-rcnn.tar` or a directory made by `python -m sgg.detector train`; None: pre-train here."""
    epochs: Annotated[PositiveInt, trains(shared=True)] = 10
    """Epochs of the detector's training."""
    batch_size: Annotated[PositiveInt, trains(shared=True)] = 8
    """Images of a batch of the detector's training."""
    learning_rate: Annotated[PositiveFloat, trains(shared=True)] = 0.01
    """Learning rate of the detector's training."""

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """Detectors are kept and opened by name, so that other settings would not reach them."""
        others = sorted(set(cls.model_fields) - {"backbone", "weights", "epochs", "batch_size", "learning_rate"})
        return f"must have no setting of its own but other defaults of those that every backbone has, got {others[0]}" \
            if others else None

    def build(self, num_classes: int, settings: dict[str, Any]) -> FasterRCNN:
        """torchvision's R-CNN with random weights. num_classes: C, background included. settings: arguments that all
        of them get, such as the size of pictures."""
        raise NotImplementedError

    def recipe(self) -> Any:
        """How it is trained, a `sgg.detector.recipe.Recipe`."""
        raise NotImplementedError
