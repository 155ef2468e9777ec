"""Build and try the parts of a method that plugins bring once, before anything starts, because their code may fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Generator, Tensor

from sgg.config import Config
from sgg.data import DataSet
from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.methods.adjustment import ADJUSTMENTS, BY_METRICS, Adjustment, require_logits
from sgg.methods.augmentation import AugmentationParts
from sgg.methods.edge_loss import EdgeContext, require_scalar
from sgg.methods.head import HeadSizes, require_module
from sgg.methods.plugins import describe_error, plugin_of
from sgg.methods.registry import Method, require_call
from sgg.systems.head_trial import try_head
from sgg.systems.two_stage.augmenter import repeats_of, require_augmenter

PAIRS = 8
"""The number of pairs on which an edge loss and adjustments are tried."""


def faults_of_plugins(config: Config, data: DataSet) -> list[str]:
    """One line, with file and line, for each plugin part of a config's method that cannot be used."""
    experiment, faults = Experiment(config, data), []
    parts: list[tuple[str, Method, Callable[[], Any]]] = [
        ("detector", config.detector, partial(_build_detector, experiment)),
        ("model.head", config.model.head, partial(_try_head, experiment)),
        ("loss", config.loss, partial(_try_loss, experiment)),
        ("augmentation", config.augmentation, partial(_try_augmentation, experiment))]
    for name, entry in ADJUSTMENTS.entries.items():
        values = [value for value in getattr(config.evaluation, name) if value != entry.neutral]
        if values and name != BY_METRICS:
            adjustment = entry()
            parts.append((f"evaluation.{name}", adjustment, partial(_try_adjustment, adjustment, name, values,
                                                                    experiment)))
    for key, part, build in parts:
        plugin = plugin_of(type(part))
        if plugin is None:
            continue
        try:
            with torch.random.fork_rng([]):
                build()
        except Exception as error:
            faults.append(f"{key}: {describe_error(error, plugin, type(part))}")
    return faults


def _build_detector(experiment: Experiment) -> None:
    """Build the detector on the meta device, because it may be large."""
    settings = experiment.config.detector
    settings.recipe()
    with torch.device("meta"):
        Detector(settings, experiment.num_classes).box_head_copy("node")  # which its spec must fit


def _try_head(experiment: Experiment) -> None:
    """Build the head and call it on a tiny batch."""
    config = experiment.config
    spec, dim, head = config.detector.spec, config.embeddings.dim, config.model.head
    classes, predicates = experiment.num_classes, experiment.num_predicates
    words = (torch.randn(classes, dim), torch.randn(predicates, dim)) if head.needs_words else None
    sizes = HeadSizes(spec.head_dim, classes, predicates, dim if words else 0, spec.channels)
    try_head(require_module(head.build(sizes, words), head), config, sizes, words)


def _try_loss(experiment: Experiment) -> None:
    """Build the loss and call it once, on pairs of which every second one has a relation."""
    loss = experiment.config.loss.build(experiment)
    require_call(loss, experiment.config.loss, "logits", "predicates", "context")
    logits = torch.randn(PAIRS, experiment.num_predicates, requires_grad=True)
    predicates = torch.tensor([0, 1]).repeat(PAIRS // 2)
    ends = torch.ones(PAIRS, dtype=torch.long)
    require_scalar(loss(logits, predicates, EdgeContext(ends, ends, PAIRS / 2, PAIRS / 2)), loss, logits)


def _try_adjustment(adjustment: Adjustment, name: str, values: list[float], experiment: Experiment) -> None:
    """Build the adjustment and call it once with each value, on random logits."""
    function = adjustment.build(experiment)
    require_call(function, adjustment, "logits", "context", "value")
    logits, ends = torch.randn(PAIRS, experiment.num_predicates), torch.ones(PAIRS, dtype=torch.long)
    for value in values:
        require_logits(function(logits, EdgeContext(ends, ends), value), function, logits, name)


def _try_augmentation(experiment: Experiment) -> None:
    """Build the augmentation, and ask it which images it repeats."""
    config = experiment.config
    spec, augmentation = config.detector.spec, config.augmentation
    features = NoFeatures(spec.channels) if "features" in augmentation.needs else None
    built = augmentation.build(AugmentationParts(spec.channels, spec.map_size(spec.image_size), experiment,
                                                 torch.device("cpu"), features))
    repeats_of(require_augmenter(built, augmentation), experiment.split("train").annotations)


class NoFeatures:
    """A source of zero features, used before the real ones are made (`sgg.methods.augmentation.FeatureSource`).

    channels: of the detector's map.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def request(self, labels: Tensor, generator: Generator, device: torch.device) -> Any:
        """As `FeatureSource.request`."""
        return SimpleNamespace(result=lambda: torch.zeros(len(labels), self._channels, 7, 7, device=device))
