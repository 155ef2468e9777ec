"""Build an augmentation without features, and try it once, on a tiny batch of zeros."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from sgg.data import Split
from sgg.detector.rcnn import POOLED
from sgg.experiment.context import Experiment
from sgg.methods.augmentation import Augmentation, AugmentationParts, PendingFeatures
from sgg.models.sampling import Budget, all_pairs
from sgg.systems.contract import Draws

from .augmenter import Augmenter, repeats_of, sampled_pairs
from .encoding import Encoding
from .relation_features import RelationsOfShape, TrainingRelations
from .sample import Plan

OBJECTS, IMAGES = 3, 2
"""Two images with three objects each. The numbers of images, objects, relations and pairs differ, so an augmentation
cannot mix them up unnoticed."""
RELATIONS = ((0, 0, 1, 1), (0, 1, 2, 1), (1, 3, 4, 1), (1, 5, 3, 1))
BUDGET = Budget(pairs=6, annotated=3)
"""Fewer than the 4 relations and 8 other pairs, so the augmentation has to choose."""


def try_augmenter(augmenter: Augmenter, experiment: Experiment) -> None:
    """Ask an augmentation which training images it repeats and which pairs it samples, and let it request what it needs
    for an update. An update itself needs a whole system, so it is not tried.

    Raises MethodError for results that do not follow the contract, and what the augmentation raises.
    """
    repeats_of(augmenter, experiment.split("train").annotations)
    plan, draws = tiny_plan(experiment), Draws(experiment.config.seed, 0)
    pairs = all_pairs(plan.encoding.image_index)
    related = (pairs[:, None] == plan.relations[None, :, 1:3]).all(2).any(1)
    sampled_pairs(augmenter, plan.relations, pairs[~related], BUDGET, draws["pairs"])
    augmenter.request(plan, draws)


def tiny_plan(experiment: Experiment) -> Plan:
    """A plan of 2 images with 6 objects, 4 relations and 12 pairs. All features are zero."""
    spec = experiment.config.detector.spec
    size, channels, objects = spec.image_size, spec.channels, IMAGES * OBJECTS
    images = torch.arange(IMAGES).repeat_interleave(OBJECTS)
    corners = torch.arange(objects)[:, None].repeat(1, 2) * size / 2 / objects
    boxes = torch.cat([corners, corners + size / 4], 1)
    relations, pairs = torch.tensor(RELATIONS), all_pairs(images)
    predicates = (pairs[:, None] == relations[None, :, 1:3]).all(2).any(1).long()
    cells = spec.map_size(size)
    feature_map = torch.zeros(IMAGES, channels, cells, cells)
    in_sgdet = experiment.config.training.mode == "sgdet"
    labels = torch.arange(objects) % (experiment.num_classes - 1) + 1
    logits, class_boxes = None, None
    needs = experiment.config.model.head.needs
    if "detector_logits" in needs:
        logits = torch.zeros(objects, experiment.num_classes)
    if "class_boxes" in needs and in_sgdet:
        class_boxes = boxes[:, None].repeat(1, experiment.num_classes, 1)
    encoding = Encoding(feature_map, boxes, boxes, images, torch.full((IMAGES, 2), size), labels if in_sgdet else None,
                        logits, class_boxes, class_boxes)
    return Plan(encoding, labels, relations, pairs, predicates)


def parts_without_features(augmentation: Augmentation, experiment: Experiment, channels: int,
                           map_size: int) -> AugmentationParts:
    """What an augmentation is built from where nothing is trained: on the CPU, with sources of zero features.

    channels, map_size: of the detector's map.
    """
    features = NoFeatures(channels) if "features" in augmentation.needs else None
    relations = None
    if "relation_features" in augmentation.needs:
        relations = NoRelationFeatures(experiment.data.split("train"), channels)
    return AugmentationParts(channels, map_size, experiment, torch.device("cpu"), features, relations)


class NoFeatures:
    """A source of zero features, used before the real ones are made (`sgg.methods.augmentation.FeatureSource`).

    channels: of the detector's map.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def request(self, labels: Tensor, generator: Generator, device: torch.device) -> Any:
        """As `FeatureSource.request`."""
        return SimpleNamespace(result=lambda: torch.zeros(len(labels), self._channels, POOLED, POOLED, device=device))


class NoRelationFeatures(TrainingRelations):
    """The relations of a split with zero features, used before the real ones are made. channels: of the detector's map.
    """

    def __init__(self, split: Split, channels: int) -> None:
        super().__init__(split)
        self._channels = channels

    def request(self, relations: np.ndarray, device: torch.device) -> PendingFeatures:
        """As `RelationSource.request`."""
        return RelationsOfShape(len(relations), self._channels, POOLED, device)
