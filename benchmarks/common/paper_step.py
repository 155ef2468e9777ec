"""A training step of the papers' size on random inputs, without a detector: the system, its batch and its draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sgg.augmentations.gan.updates import GANAugmenter
from sgg.config import validate
from sgg.gan import GAN
from sgg.methods.augmentation import FeatureSource
from sgg.models.box_head import BoxHead
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.roi_features import RoIFeatures
from sgg.models.scene_graph import SceneGraphModel
from sgg.perturbations.perturber import Contexts, Perturber
from sgg.structures import Batch, DetectorOutputs
from sgg.systems.contract import Draws, StepResult
from sgg.systems.two_stage.augmenter import Augmenter
from sgg.systems.two_stage.sample import Plan
from sgg.systems.two_stage.system import TwoStage

SIDE, STRIDE = 592, 16
"""Pixels of an image's side in the detector's frame, and of a cell of its map."""


@dataclass(frozen=True)
class Size:
    """The size of a step.

    images, objects: B, and the objects of each image. relations: of each image. pairs: the pairs of the whole batch;
    None: every ordered pair of an image. channels, map_side: of the map. head: width of the box heads. hidden: of the
    relation head. dropout: of the box heads.
    """

    images: int = 4
    objects: int = 12
    relations: int = 6
    pairs: int | None = None
    channels: int = 512
    map_side: int = 38
    head: int = 4096
    hidden: int = 512
    classes: int = 151
    predicates: int = 51
    dropout: float = 0.5

    def quick(self) -> Size:
        """A few objects and narrow networks: not what a benchmark shows, but whether it runs."""
        return replace(self, images=2, objects=4, relations=3, channels=16, head=32, hidden=24, classes=20,
                       predicates=10)

    def without_networks(self) -> Size:
        """The same batch with the narrowest networks that can be built."""
        return replace(self, channels=8, head=1, hidden=1)


class FrameOfDetector:
    """Takes the place of the detector, which does not run where its outputs are given: images have its size."""

    own_sizes = False

    def frame_of(self, side: int) -> int:
        """The side of an image in the detector's frame."""
        return side


class RandomStore(FeatureSource):
    """Takes the place of the feature store, because the time of reading is not measured here."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def request(self, labels: Tensor, generator: torch.Generator, device: torch.device) -> RandomStore:
        """The request before the update of F."""
        self._wanted = len(labels), generator, device
        return self

    def result(self) -> Tensor:
        """The features, after the update of F: [N, channels, 7, 7]."""
        objects, generator, device = self._wanted
        features = torch.rand(objects, self.channels, 7, 7, generator=generator)
        return features.to(device, non_blocking=True)


@dataclass(frozen=True)
class PaperStep:
    """A system and its input. gan: whether it trains a GAN, too."""

    system: TwoStage
    batch: Batch
    size: Size
    gan: bool

    def __call__(self) -> StepResult:
        """One step, in whole. Its random draws are the same every time."""
        return self.system.training_step(self.batch, Draws(0, 1))

    def plan(self) -> Plan:
        """The host's part of a step."""
        return self.system.plan(self.batch, Draws(0, 1))


def build(size: Size, gan: bool, device: torch.device | str = "cpu", **settings: Any) -> PaperStep:
    """A step with fresh weights. settings: sections of the config, such as `training={"autocast_bf16": True}`; with a
    GAN, labels are perturbed by GraphN and G is conditioned on features, unless `augmentation` says otherwise."""
    return PaperStep(_system(size, gan, torch.device(device), settings), batch_of(size), size, gan)


def batch_of(size: Size) -> Batch:
    """Boxes, labels and relations of the sizes of Visual Genome's images, and a random map of each."""
    generator = torch.Generator().manual_seed(0)
    objects = size.images * size.objects
    corner = torch.rand(objects, 2, generator=generator) * 400
    boxes = torch.cat([corner, corner + 20 + torch.rand(objects, 2, generator=generator) * 150], dim=1)
    labels = torch.randint(1, size.classes, (objects,), generator=generator)
    relations = torch.tensor([[image, image * size.objects + i, image * size.objects + (i + 1) % size.objects,
                               1 + i % (size.predicates - 1)]
                              for image in range(size.images) for i in range(size.relations)])
    index = torch.arange(objects) // size.objects
    maps = torch.rand(size.images, size.channels, size.map_side, size.map_side, generator=generator)
    return Batch((), torch.full((size.images, 2), SIDE), boxes, labels, index, relations,
                 tuple(map(str, range(size.images))), outputs=DetectorOutputs(maps))


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Within the block torch's global draws follow from the seed; afterwards they continue as before."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _system(size: Size, gan: bool, device: torch.device, settings: dict[str, Any]) -> TwoStage:
    augmentation = {"kind": "gan", "perturb": {"method": "graphn"}} if gan else {"kind": "off"}
    budget = size.pairs // size.images if size.pairs else 2**20
    config = validate({"augmentation": augmentation, **settings,
                       "model": {"pairs_per_image": budget, "box_strides": "published", **settings.get("model", {})}})
    training = config.training
    with seeded(), device:
        model = SceneGraphModel(RoIFeatures(size.channels, 1 / STRIDE),
                                BoxHead(size.channels * 49, size.head, size.dropout),
                                BoxHead(size.channels * 49, size.head, size.dropout, final_relu=False),
                                MessagePassing(size.head, size.hidden, size.classes, size.predicates),
                                recompute_box_heads=training.recompute_box_heads)
    if training.compile:
        model.classify = torch.compile(model.classify, dynamic=True)  # as `TwoStageFoundation.build_model` does
    augmenter = _gan(size, config.augmentation, device) if gan else Augmenter()
    system = TwoStage.assembled(model, FrameOfDetector(), augmenter, config.loss.build(None), config, device)
    system.train()
    return system


def _gan(size: Size, settings: Any, device: torch.device) -> GANAugmenter:
    """The GAN, with the perturber that the settings name and random features to condition G on."""
    generator = torch.Generator().manual_seed(1)
    with seeded(), device:
        gan = GAN(size.classes, size.predicates, size.channels, size.map_side,
                  large_discriminator=settings.large_discriminator,
                  visual_conditioning=settings.visual_conditioning)
    perturber = None
    if settings.perturb.method != "off":
        triplets = {(int(s), int(p), int(o)): 3 for s, p, o in zip(
            *(torch.randint(1, many, (min(30_000, size.classes * size.predicates),), generator=generator)
              for many in (size.classes, size.predicates, size.classes)), strict=True)}
        perturber = Perturber(settings.perturb.method, Contexts.from_triplets(triplets, size.classes),
                              torch.randn(size.classes, 200, generator=generator), settings.perturb.intensity,
                              settings.perturb.topk, settings.perturb.alpha)
    features = RandomStore(size.channels) if settings.visual_conditioning else None
    return GANAugmenter(gan, settings, perturber, features)
