"""Augmentations: what trains a scene-graph model on more than the annotated images, and the section that builds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from .head import Mode
from .registry import Method, Registry

if TYPE_CHECKING:
    import torch
    from torch import Generator, Tensor

    from .statistics import Statistics

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", "sgg.augmentations", default="off")

AugmentationNeed = Literal["features", "class_vectors"]
"""features: real features of the objects of the training images, by class. class_vectors: word vectors."""


class PendingFeatures(Protocol):
    """Features that are being read."""

    def result(self) -> Tensor:
        """Wait for them: [N, channels, 7, 7]."""


class FeatureSource(Protocol):
    """Real features by class: `sgg.features.FeatureStore`."""

    def request(self, labels: Tensor, generator: Generator, device: torch.device) -> PendingFeatures:
        """Begin to read a feature of each class of `labels` [N], drawn at random; `.result()` of what it returns waits
        for them, [N, channels, 7, 7] on `device`."""


@dataclass(frozen=True, slots=True, eq=False)
class AugmentationParts:
    """What an augmentation is made from.

    channels and map_size: of the detector's map [channels, map_size, map_size]. statistics: of the training
    annotations. device: of the networks. features: real features, where the augmentation needs them.
    """

    channels: int
    map_size: int
    statistics: Statistics
    device: torch.device
    features: FeatureSource | None = None


class Augmentation(Method):
    """The settings of an augmentation, and how it is made.

    modes: the modes of training (`training.mode`) that it serves in. rates: which of its settings are learning rates.
    """

    rates: ClassVar[tuple[str, ...]] = ()
    modes: ClassVar[frozenset[Mode]] = frozenset({"sgcls", "predcls", "sgdet"})

    @property
    def needs(self) -> frozenset[AugmentationNeed]:
        """What has to be made before it can work."""
        return frozenset()

    def fault_of_classes(self, classes: int, data: str) -> str | None:
        """What is wrong with the settings for a data set of so many classes, without background; it begins with the key
        of a setting. None where nothing is. data: what the data set is called."""
        return None

    def build(self, parts: AugmentationParts) -> Any:
        """The augmentation at work, `sgg.systems.two_stage.augmenter.Augmenter`, its networks with fresh weights."""
        raise NotImplementedError
