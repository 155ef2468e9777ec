"""Augmentations, which train a scene-graph model on more than the annotated images, and their sections of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from .head import Mode
from .registry import Method, Registry

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Generator, Tensor, nn

    from .statistics import Statistics

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", "sgg.augmentations", default="off")

AugmentationNeed = Literal["features", "relation_features", "class_vectors"]
"""features: real features of the objects of the training images, by class. relation_features: real features of
annotated relations of the training images, those of `Augmentation.stored_relations`. class_vectors: word vectors."""


class PendingFeatures(Protocol):
    """Features that another thread is reading."""

    def result(self) -> Tensor:
        """Wait for the features and return them: [N, channels, 7, 7], or as the source says."""


class FeatureSource(Protocol):
    """Real features by class: `sgg.features.FeatureStore`."""

    def request(self, labels: Tensor, generator: Generator, device: torch.device) -> PendingFeatures:
        """Begin to read one random feature of the class of each label [N].

        `.result()` of the returned object waits for the features, [N, channels, 7, 7] on `device`.
        """


class RelationSource(Protocol):
    """K annotated relations of the training images with their real features:
    `sgg.systems.two_stage.relation_features.StoredRelations`.

    triplets: [K, 3] subject class, predicate, object class. boxes: [K, 2, 4] of subject and object, in pixels of the
    image. Both are in the order of the annotation.
    """

    @property
    def triplets(self) -> np.ndarray:
        """See above."""

    @property
    def boxes(self) -> np.ndarray:
        """See above."""

    def request(self, relations: np.ndarray, device: torch.device) -> PendingFeatures:
        """Begin to read the features of some relations, by their numbers [n].

        `.result()` of the returned object gives [n, 3, channels, 7, 7] on `device`: the subject, the object, and the
        smallest box around both, each pooled from the map of the image as it is, not mirrored.
        """


class TrainedWeights(Protocol):
    """Weights of networks: `sgg.checkpoint.Checkpoint`."""

    def load_weights(self, **modules: nn.Module | None) -> None:
        """Load the weights into modules, by name. Raises ValueError where they do not fit."""


@dataclass(frozen=True, slots=True)
class GeneratorTraining:
    """The training of a generator before the trials that begin with it. epochs: its length. augmentation: the settings
    whose updates train the generator, with what belongs to it, and nothing else."""

    epochs: int
    augmentation: Augmentation


@dataclass(frozen=True, slots=True, eq=False)
class AugmentationParts:
    """The inputs of `Augmentation.build`.

    channels and map_size: of the detector's map [channels, map_size, map_size]. statistics: counts and vectors of the
    training data. device: of the networks. features, relations: real features of objects, and of relations, if the
    augmentation needs them. generator: the weights of a trained generator, if it begins with one.
    """

    channels: int
    map_size: int
    statistics: Statistics
    device: torch.device
    features: FeatureSource | None = None
    relations: RelationSource | None = None
    generator: TrainedWeights | None = None


class Augmentation(Method):
    """The settings of an augmentation, and the method that builds it.

    modes: the values of `training.mode` that it supports. rates: the names of its settings that are learning rates.
    generates: whether it trains the model on features that no real image has.
    """

    rates: ClassVar[tuple[str, ...]] = ()
    generates: ClassVar[bool] = False
    modes: ClassVar[frozenset[Mode]] = frozenset({"sgcls", "predcls", "sgdet"})

    @property
    def needs(self) -> frozenset[AugmentationNeed]:
        """The inputs that must be made before it is built."""
        return frozenset()

    @property
    def generator_source(self) -> Path | GeneratorTraining | None:
        """The trained generator with which it begins: the path of a checkpoint, or a training before the trials, which
        share it; None: it has none, or begins with a fresh one."""
        return None

    def fault_of_generator(self, trained: Mapping[str, Any]) -> str | None:
        """Why the generator of a training does not fit, as the end of a sentence; None if it does. trained: the
        settings of its augmentation, of the same kind as this one, by name."""
        return None

    def fault_of_classes(self, classes: int, data: str) -> str | None:
        """The fault of the settings for a data set, beginning with the key of a setting; None if there is no fault.

        classes: the number of object classes, without background. data: the title of the data set.
        """
        return None

    def stored_relations(self, triplets: np.ndarray, statistics: Statistics) -> np.ndarray:
        """[U] bool: which annotated relations of the training images have stored features (`relation_features`).

        triplets: [U, 3] subject class, predicate, object class of each. statistics: as in `AugmentationParts`.
        """
        import numpy as np

        return np.ones(len(triplets), bool)

    def for_memory(self) -> Augmentation:
        """The settings whose steps are computed without values, to know their memory: without work of the host that
        needs values, such as the drawing of labels."""
        return self

    def build(self, parts: AugmentationParts) -> Any:
        """Build the `sgg.systems.two_stage.augmenter.Augmenter`; its networks have fresh weights."""
        raise NotImplementedError
