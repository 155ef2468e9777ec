"""From settings to objects: the ground that all trials of a search share, and the networks of one trial."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from sgg import parallel
from sgg.config import Config
from sgg.data import Batches, DataSet, Part, load_batches
from sgg.data.dataset import BACKGROUND
from sgg.data.statistics import background_counts, foreground_counts
from sgg.detector import ensure_detector, known_hash
from sgg.device import find_device
from sgg.extract import Extraction, store_path, training_nodes
from sgg.features import FeatureStore
from sgg.gan import GAN
from sgg.gan.embeddings import ClassEmbeddings
from sgg.gan.perturb import Contexts, Perturber
from sgg.methods.head import HeadSizes
from sgg.metrics import SceneGraphMetrics, predicate_weights
from sgg.models.detector import Detector
from sgg.models.frequency_bias import FrequencyBias, frequency_table
from sgg.models.roi_features import RoIFeatures
from sgg.models.scene_graph import SceneGraphModel
from sgg.objectives import Objectives
from sgg.opening import filtered_training, open_data, part_of, picture_hashes, require_a_batch
from sgg.seeding import derive
from sgg.steps import TrainingStep
from sgg.word_vectors import vector_facts, word_vectors

Check = Callable[["Ground"], None]
"""Gets what is known before anything is made: a ground without a detector, whose hash is None where it is still to be
trained. Raises ValueError where what is to go on, or to be measured, was made from something else."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What all trials of a search share: made once by `prepare`, found ready by every trial.

    config: with every value decided. detector: frozen, on the trial's device. store: real node features of the
    training images, where the GAN is conditioned on them.
    """

    config: Config
    data: DataSet
    detector: Detector
    detector_hash: str
    store: FeatureStore | None

    @property
    def cache(self) -> Path:
        """Where is what is derived from the data once."""
        return self.config.cache

    def data_facts(self) -> dict[str, Any]:
        """What every result file says of the data and what was made from it."""
        missing = self.embeddings.missing if self.config.compares_classes else ()  # else the vectors are not read
        measured, first = self.data.description, self.config.data.eval_images
        if first is not None:  # other images, other figures
            measured += f", measured on the first {first} images of val and test"
        return {"name": self.data.name, "description": measured, "hash": self.data.hash, "pictures": self.pictures,
                "detector": self.detector_hash, **self.vectors,
                "embeddings_missing": [name for name in missing if name != BACKGROUND]}

    @cached_property
    def pictures(self) -> dict[str, str]:
        """As `sgg.opening.picture_hashes`."""
        return picture_hashes(self.config, self.data)

    def part(self, name: str) -> Part:
        """A part of the data set, cut down as the `data` settings say."""
        return part_of(self.config, self.data, name)

    @cached_property
    def filtered_training(self) -> Part:
        """The training images and relations that the settings admit. Frequencies and contexts are counted in them; what
        is zero- or few-shot follows from the whole part (docs/SYSTEM.md section 1).
        """
        return filtered_training(self.config, self.data)

    def training_batches(self) -> Batches:
        """Shuffled, augmented batches of the training part. Raises ValueError where there is none."""
        config = self.config
        require_a_batch(config, self.data)
        return load_batches(self.part("train"), config.training.batch_size, augment=True, flip=config.data.flip,
                            exchange_predicates=config.data.flip_predicates != "keep", shuffle=True,
                            seed=derive(config.seed, "batches"), workers=config.data.workers, share=parallel.place(),
                            drop_last=config.training.drop_last)

    def evaluation_batches(self, part: str) -> Any:
        """Batches of `val` or `test`, in order."""
        config = self.config
        batches = load_batches(self.part(part), config.evaluation.batch_size, workers=config.data.workers,
                               share=parallel.place())
        return batches.epoch(0)

    def metrics(self, part: str) -> dict[str, SceneGraphMetrics]:
        """Fresh metrics of each mode, with the shot counts of `part` (docs/SYSTEM.md section 1)."""
        settings = self.config.evaluation
        return {mode: SceneGraphMetrics(
            mode, len(self.data.predicates), self.data.triplets("train").as_dict(), self.data.seen(part).as_dict(),
            ks=tuple(settings.ks), predicate_weights=self.predicate_weights) for mode in settings.modes}

    @cached_property
    def counts(self) -> tuple[Any, Any]:
        """Training relations [C, C, R] and overlapping training pairs [C, C]."""
        annotations = self.filtered_training.annotations
        classes, predicates = len(self.data.classes), len(self.data.predicates)
        return foreground_counts(annotations, classes, predicates), background_counts(annotations, classes)

    @cached_property
    def contexts(self) -> Contexts:
        """Which classes stand where in the training triplets, for perturbations."""
        seen = self.filtered_training.triplets()
        return Contexts.from_arrays(seen.triplets, seen.counts, len(self.data.classes), len(self.data.predicates))

    @cached_property
    def predicate_weights(self) -> dict[float, Any]:
        """Weights [R] of each exponent that is to be evaluated."""
        return {x: predicate_weights(*self.counts, x) for x in self.config.evaluation.pred_weight if x}

    @cached_property
    def vectors(self) -> dict[str, str | None]:
        """What tells the word vectors apart."""
        return vector_facts(self.config)

    @cached_property
    def embeddings(self) -> ClassEmbeddings:
        """Vectors of classes and predicates."""
        return word_vectors(self.config, self.data)


@dataclass(eq=False)
class Run:
    """The networks of one trial and what updates them."""

    device: torch.device
    model: SceneGraphModel
    gan: GAN | None
    step: TrainingStep
    optimizers: dict[str, torch.optim.Optimizer]
    base_rates: list[float]
    decay_epoch: int

    def set_rates(self, epoch: int) -> None:
        """The learning rates of F in an epoch: a tenth after `decay_epoch`. Those of the GAN stay."""
        factor = 0.1 if epoch > self.decay_epoch else 1.0
        for group, rate in zip(self.optimizers["model"].param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor


def prepare(config: Config, check: Check | None = None) -> Ground:
    """Data, detector and feature store of a config: made where they are missing, else opened.

    check: called before anything is made; where the detector had to be trained, once more after that.

    Safe to call from several processes at once: one makes, the others wait. Raises FileNotFoundError or ValueError
    naming the file and the remedy where data or weights are missing or do not fit.
    """
    ground = prepare_detector(config, check)
    if config.gan.enabled and config.gan.visual_conditioning:
        extraction, path = node_features(ground)
        ground = replace(ground, store=extraction.ensure(path, partial(track, description="features")))
    configure_torch(config)
    return ground


def prepare_detector(config: Config, check: Check | None = None) -> Ground:
    """As `prepare`, without a feature store."""
    device = device_of(config)
    data = open_data(config)
    torch.set_num_threads(os.cpu_count() or 1)  # what all trials share is made while none runs
    cache, settings = config.cache, config.detector
    asked = {"backbone": settings.backbone, "weights": settings.weights, "epochs": settings.epochs,
             "batch_size": settings.batch_size, "learning_rate": settings.learning_rate}
    known = known_hash(data, cache, **asked) if check is not None else None
    if check is not None:
        check(Ground(config, data, None, known, None))
    detector, detector_hash = ensure_detector(data, cache, **asked, workers=config.data.workers, device=device)
    ground = Ground(config, data, detector.to(device), detector_hash, None)
    if check is not None and known is None:
        check(ground)
    return ground


def node_features(ground: Ground) -> tuple[Extraction, Path]:
    """What the generator is conditioned on, and the store that it is kept in."""
    extraction = training_nodes(ground.data, ground.detector, ground.detector_hash, ground.config.data.workers)
    return extraction, store_path(ground.cache, extraction.identity)


def build_run(ground: Ground) -> Run:
    """The networks and updates of the trial that `ground.config` describes, with fresh weights."""
    config, device = ground.config, device_of(ground.config)
    model = build_model(ground).to(device)
    settings = config.training
    groups = model.parameter_groups(settings.learning_rate, settings.box_head_rate)
    optimizers: dict[str, torch.optim.Optimizer] = {
        "model": torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)}
    gan, perturber = None, None
    if config.gan.enabled:
        gan = build_gan(ground).to(device)
        betas = (0.0, 0.9)
        optimizers["generator"] = torch.optim.Adam(gan.generator.parameters(),
                                                   config.gan.learning_rate_generator, betas)
        optimizers["discriminators"] = torch.optim.Adam(gan.discriminators.parameters(),
                                                        config.gan.learning_rate_discriminator, betas)
        perturber = build_perturber(ground)
    objectives = Objectives(model, gan, config, _autocast(config, device))
    parallel.share_batch_norm(objectives)
    step = TrainingStep(ground.detector, objectives, optimizers, config, perturber, ground.store)
    rates = [group["lr"] for group in groups]
    return Run(device, model, gan, step, optimizers, rates, settings.decay_epoch)


def build_model(ground: Ground) -> SceneGraphModel:
    """F, its box heads started from the detector's."""
    settings, data, detector = ground.config.model, ground.data, ground.detector
    heads = {role: detector.box_head_copy(role, settings.dropout) for role in ("node", "edge")}
    relation_head = settings.head.build(HeadSizes(detector.head_dim, len(data.classes), len(data.predicates)))
    bias = None
    if settings.frequency_bias != "off":
        foreground, background = ground.counts
        bias = FrequencyBias(frequency_table(foreground, background))
    regions = RoIFeatures(detector.channels, 1 / detector.stride, box_kind=settings.edge_boxes,
                          box_strides=settings.box_strides)
    model = SceneGraphModel(regions, heads["node"], heads["edge"], relation_head, bias, settings.frequency_bias)
    if ground.config.training.compile:
        model.classify = torch.compile(model.classify, dynamic=True)
    return model


def build_gan(ground: Ground) -> GAN:
    """G and D for the detector's map."""
    settings, data, detector = ground.config.gan, ground.data, ground.detector
    vectors = {}
    if settings.init_embeddings:
        vectors = {"class_vectors": ground.embeddings.classes, "predicate_vectors": ground.embeddings.predicates}
    return GAN(len(data.classes), len(data.predicates), detector.channels, detector.map_size,
               embedding=settings.embedding_dim, hidden=settings.hidden_dim,
               large_discriminator=settings.large_discriminator, visual_conditioning=settings.visual_conditioning,
               **vectors)


def build_perturber(ground: Ground) -> Perturber | None:
    """What changes node labels before the generator sees them; None where nothing does."""
    settings = ground.config.gan.perturb
    if settings.method == "off":
        return None
    return Perturber(settings.method, ground.contexts, ground.embeddings.classes, settings.intensity, settings.topk,
                     settings.alpha, settings.uniform, settings.degree_smoothing)


def device_of(config: Config) -> torch.device:
    """`training.device`; auto: CUDA where there is a GPU and `resources.gpus` is not 0.

    Raises ValueError for a device that torch does not know or does not find.
    """
    name = config.training.device
    return find_device("cpu" if name == "auto" and config.resources.gpus == 0 else name, "training.device")


def configure_torch(config: Config) -> None:
    """Threads and number formats of this process.

    The number of threads is set, not left to the machine: sums are split among threads, so results follow from it.
    """
    torch.set_num_threads(max(1, int(config.resources.cpus)))
    torch.set_float32_matmul_precision("high" if config.training.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = config.training.tf32


def _autocast(config: Config, device: torch.device) -> Callable[[], Any]:
    if not config.training.autocast_bf16:
        return contextlib.nullcontext
    return partial(torch.autocast, device.type, torch.bfloat16)
