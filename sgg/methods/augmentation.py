"""Augmentations: what trains a scene-graph model on more than the annotated images, and the section that builds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .registry import Method

if TYPE_CHECKING:
    import torch
    from torch import Generator, Tensor

    from .statistics import Statistics

AugmentationNeed = Literal["features", "class_vectors"]
"""features: real features of the objects of the training images, by class. class_vectors: word vectors."""


class FeatureSource(Protocol):
    """Real features by class: `sgg.features.FeatureStore`."""

    def request(self, labels: Tensor, generator: Generator, device: torch.device) -> Any:
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
    """The settings of an augmentation, and how it is made."""

    @property
    def needs(self) -> frozenset[AugmentationNeed]:
        """What has to be made before it can work."""
        return frozenset()

    def build(self, parts: AugmentationParts) -> Any:
        """The augmentation at work, `sgg.systems.two_stage.augmenter.Augmenter`, its networks with fresh weights."""
        raise NotImplementedError
