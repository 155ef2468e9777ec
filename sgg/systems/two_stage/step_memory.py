"""The memory of a training step that settings describe, computed from shapes.

The step is that of `system.py`, with all its networks and updates, on tensors without values (`live_memory.py`). Its
batch is the largest of many that are drawn at random from the training images. `benchmarks/step_memory.py` compares
such figures with those of real processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from sgg.common.live_memory import LiveMemory, WithoutUpdates, bytes_of, faked, peak_of, without_values
from sgg.config import Config
from sgg.data import Split, load_batches
from sgg.detector.model import SCORE_THRESHOLDS, Detector
from sgg.detector.rcnn import DETECTIONS
from sgg.experiment.context import Experiment
from sgg.settings.keys import flatten
from sgg.structures import Batch, Detections, DetectorOutputs
from sgg.systems.contract import Draws
from sgg.systems.forecast import StepMemory

from .augmentation_trial import parts_without_features
from .augmenter import require_augmenter
from .encoding import wanted_outputs
from .model import build_model
from .sample import Plan, draw_plan
from .system import TwoStage
from .totals import Totals

DRAWN = 1000
"""The random batches of which the largest counts. It is about the largest of an epoch of Visual Genome."""
CPU = torch.device("cpu")


def step_memory(experiment: Experiment) -> StepMemory:
    """The memory of a training step of an experiment, of one of its processes.

    Raises what a network raises that needs the values of tensors, such as a head of a plugin.
    """
    config = experiment.config
    config = config.model_copy(update={"training": config.training.model_copy(update={"compile": False})})
    with without_values() as fake:
        detector = Detector(config.detector, experiment.num_classes)
        system = _system(experiment, config, detector)
    batch = _largest_batch(experiment, detector)
    plans = [_plan(system, config, part) for part in batch.split(config.training.accumulate)]
    totals = Totals.of(*map(sum, zip(*(plan.counts for plan in plans), strict=True)))
    requested = [system.augmenter.request(plan, Draws(0, 1)) for plan in plans]
    with fake:
        return _measured(system, plans, requested, totals, fake)


def memory_key(config: Config) -> str:
    """Equal for configs whose steps take the same memory: the settings that change shapes or what is computed.
    Fractions, such as rates, change neither; edge losses work on logits, which are small."""
    one = config.model_copy(update={"augmentation": config.augmentation.for_memory()})
    settings = flatten(one.model_dump(mode="json", include={"data", "detector", "model", "embeddings", "augmentation",
                                                            "training", "resources"}))
    return repr({key: value for key, value in settings.items() if not isinstance(value, float)})


def smaller_steps(config: Config) -> list[dict[str, object]]:
    """Changes of settings that lower the memory of a step, by dotted key, those first that change no number of a run
    or hardly any."""
    training, workers = config.training, config.resources.num_workers
    changes: list[dict[str, object]] = []
    if not training.recompute_box_heads:
        changes.append({"training.recompute_box_heads": True})
    parts = 2 * training.accumulate
    if parts * workers <= training.batch_size:
        changes.append({"training.accumulate": parts})
        if not training.recompute_box_heads:
            changes.append({"training.recompute_box_heads": True, "training.accumulate": parts})
    half = training.batch_size // 2
    if half >= max(1, training.accumulate * workers):
        changes.append({"training.batch_size": half})
    return changes


def held_by(system: TwoStage) -> Iterator[Tensor]:
    """What a system holds between steps: weights, buffers, gradients and moments."""
    for network in system.networks.values():
        yield from network.buffers()
        for weight in network.parameters():
            yield weight
            if weight.grad is not None:
                yield weight.grad
    yield from _moments(system)


def largest_draw(split: Split, images: int, pairs_per_image: int) -> np.ndarray:
    """[B] the images of the largest of `DRAWN` random batches: that with most pairs, and of these that with most
    objects. pairs_per_image: the budget of pairs an image."""
    counts = split.annotations.objects_per_image
    draws = np.random.default_rng(0).integers(len(counts), size=(DRAWN, images))
    objects = counts[draws]
    pairs = np.minimum((objects * (objects - 1)).sum(axis=1), pairs_per_image * images)
    return draws[np.lexsort((objects.sum(axis=1), pairs))[-1]]


def _system(experiment: Experiment, config: Config, detector: Detector) -> TwoStage:
    """As `TwoStageFoundation.build`, without values."""
    sizes = experiment.num_classes, experiment.num_predicates
    words = (torch.empty(sizes[0], config.embeddings.dim), torch.empty(sizes[1], config.embeddings.dim))
    table = torch.empty(sizes[0], *sizes) if config.model.needs_frequency_table else None
    model = build_model(config, detector, sizes, words if config.model.head.needs_words else None, table)
    augmentation = config.augmentation.for_memory()
    augmenter = require_augmenter(augmentation.build(parts_without_features(
        augmentation, experiment, detector.channels, detector.map_size)), augmentation)
    loss = config.loss.for_memory().build(experiment)
    system = TwoStage.assembled(model, detector, augmenter, loss, config, CPU)
    system.train()
    return system


def _largest_batch(experiment: Experiment, detector: Detector) -> Batch:
    """A batch of training images with outputs of the detector that have shapes only: no memory is behind them."""
    config, split = experiment.config, experiment.split("train")
    images = -(-config.training.batch_size // config.resources.num_workers)
    chosen = largest_draw(split, images, config.model.pairs_per_image)
    some = replace(split, annotations=split.annotations.select(chosen))
    batch = next(iter(load_batches(some, images, pixels=False).epoch(0)))
    wanted = wanted_outputs([config.training.mode], config.model.head.needs)
    logits = torch.zeros(1).expand(len(batch.labels), detector.num_classes) if "object_logits" in wanted else None
    found = None
    if not {"detections", "class_detections"}.isdisjoint(wanted):
        found = tuple(_detections(size, detector.num_classes, "class_detections" in wanted)
                      for size in batch.sizes.tolist())
    maps = torch.zeros(1).expand(len(batch), *detector.map_shape)
    return replace(batch, outputs=DetectorOutputs(maps, logits, found))


def _detections(size: list[int], classes: int, for_all_classes: bool) -> Detections:
    """As many detections as an image can have, of which all overlap. size: height, width of the image."""
    height, width = size
    boxes = torch.tensor([[0.0, 0.0, width, height]]).repeat(DETECTIONS, 1)
    more = (torch.zeros(DETECTIONS, classes), boxes[:, None].repeat(1, classes, 1)) if for_all_classes else ()
    return Detections(boxes, torch.ones(DETECTIONS, dtype=torch.int64), torch.ones(DETECTIONS), SCORE_THRESHOLDS[0],
                      *more)


def _plan(system: TwoStage, config: Config, batch: Batch) -> Plan:
    """The host's part of a step. It has values, for which others decide; the augmentation chooses no pairs."""
    settings = config.model
    return draw_plan(batch, config.training.mode, system.detector, system.model.needs, settings.pairs_per_image,
                     settings.foreground_share, Draws(0, 1)["pairs"])


def _measured(system: TwoStage, plans: list[Plan], requested: list[Any], totals: Totals,
              fake: FakeTensorMode) -> StepMemory:
    """The memory of a step on the plans of the parts of a batch. requested: by the augmentation."""
    maps = [torch.empty(plan.encoding.map.shape) for plan in plans]

    def advance() -> None:
        of_host = [faked(replace(plan, encoding=replace(plan.encoding, map=its)), fake)
                   for plan, its in zip(plans, maps, strict=True)]
        with WithoutUpdates():
            system.advance([plan.sample(system.model, CPU, totals) for plan in of_host], faked(requested, fake))
        system.learner.take_norms()

    def kept() -> Iterator[Tensor]:
        yield from system.detector.parameters()
        yield from system.detector.buffers()
        yield from held_by(system)

    peak = peak_of(advance, lambda: [*maps, *kept()])
    weights = [value for network in system.networks.values() for value in network.state_dict().values()]
    return StepMemory(max(peak, _peak_of_detector(system.detector, [*maps, *kept()])), bytes_of(kept()),
                      bytes_of([*weights, *_moments(system)]), totals.images, totals.objects, totals.pairs)


def _peak_of_detector(detector: Detector, held: list[Tensor]) -> int:
    """The peak while the detector computes the map of an image; it takes one after another."""
    side = detector.map_size * detector.stride
    with torch.no_grad(), LiveMemory(held) as memory:
        detector.rcnn.backbone(torch.empty(1, 3, side, side))
    return memory.peak


def _moments(system: TwoStage) -> Iterator[Tensor]:
    for optimizer in system.optimizers.values():
        for state in optimizer.state.values():
            yield from (one for one in state.values() if isinstance(one, Tensor))
