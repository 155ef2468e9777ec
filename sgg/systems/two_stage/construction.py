"""Build and try the parts of a method that plugins bring once, before anything starts, because their code may fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.methods.adjustment import ADJUSTMENTS, BY_METRICS, Adjustment, PredictedPairs, Value, require_logits
from sgg.methods.edge_loss import EdgeContext, require_scalar
from sgg.methods.head import HeadSizes, require_module
from sgg.methods.loaded_plugins import plugin_of
from sgg.methods.plugin_errors import naming_faults
from sgg.methods.plugin_files import PluginError
from sgg.methods.registry import Method, require_call
from sgg.systems.contract import Use

from .augmentation_trial import parts_without_features, try_augmenter
from .augmenter import require_augmenter
from .head_trial import try_head

PAIRS = 8
"""The number of pairs on which an edge loss and adjustments are tried."""


def require_plugins(experiment: Experiment, use: Use) -> None:
    """Raise PluginError with the `faults_of_plugins` if there are any."""
    if faults := faults_of_plugins(experiment, use):
        raise PluginError("\n  ".join(faults if len(faults) == 1 else [f"{len(faults)} faults", *faults]))


def faults_of_plugins(experiment: Experiment, use: Use = "training") -> list[str]:
    """One line, with file and line, for each plugin part of an experiment's method that cannot be used.

    use: only the parts that this needs are tried.
    """
    faults = []
    for key, part, attempt in _parts(experiment, use):
        if plugin_of(type(part)) is None:
            continue
        try:
            with naming_faults(key, type(part)), torch.random.fork_rng([]):
                attempt()
        except PluginError as error:
            faults.append(str(error))
    return faults


def _parts(experiment: Experiment, use: Use) -> list[tuple[str, Method, Callable[[], Any]]]:
    """The key of each part of a method that a use needs, its settings, and a function that tries it."""
    config = experiment.config
    parts: list[tuple[str, Method, Callable[[], Any]]] = [
        ("detector", config.detector, partial(_build_detector, experiment))]
    if use != "features":
        parts.append(("model.head", config.model.head, partial(_try_head, experiment, use == "training")))
        for name, entry in ADJUSTMENTS.entries.items():
            values = [value for value in getattr(config.evaluation, name) if value != entry.neutral]
            if values and name != BY_METRICS:
                adjustment = entry()
                parts.append((f"evaluation.{name}", adjustment, partial(_try_adjustment, adjustment, name, values,
                                                                        experiment)))
    if use == "training":
        parts += [("loss", config.loss, partial(_try_loss, experiment)),
                  ("augmentation", config.augmentation, partial(_try_augmentation, experiment))]
    return parts


def _build_detector(experiment: Experiment) -> None:
    """Build the detector on the meta device, because it may be large."""
    settings = experiment.config.detector
    settings.recipe()
    with torch.device("meta"):
        Detector(settings, experiment.num_classes).box_head_copy("node")  # which its spec must fit


def _try_head(experiment: Experiment, trains: bool) -> None:
    """Build the head and call it on a tiny batch."""
    config = experiment.config
    spec, dim, head = config.detector.spec, config.embeddings.dim, config.model.head
    classes, predicates = experiment.num_classes, experiment.num_predicates
    words = (torch.randn(classes, dim), torch.randn(predicates, dim)) if head.needs_words else None
    table = torch.zeros(classes, classes, predicates) if "frequency_table" in head.needs else None
    sizes = HeadSizes(spec.head_dim, classes, predicates, dim if words else 0, spec.channels, table)
    try_head(require_module(head.build(sizes, words), head), config, sizes, words, trains)


def _try_loss(experiment: Experiment) -> None:
    """Build the loss and call it once, on pairs of which every second one has a relation."""
    loss = experiment.config.loss.build(experiment)
    require_call(loss, experiment.config.loss, "logits", "predicates", "context")
    logits = torch.randn(PAIRS, experiment.num_predicates, requires_grad=True)
    predicates = torch.tensor([0, 1]).repeat(PAIRS // 2)
    ends = torch.ones(PAIRS, dtype=torch.long)
    require_scalar(loss(logits, predicates, EdgeContext(ends, ends, PAIRS / 2, PAIRS / 2)), loss, logits)


def _try_adjustment(adjustment: Adjustment, name: str, values: list[Value], experiment: Experiment) -> None:
    """Build the adjustment and call it once with each value, on random logits."""
    function = adjustment.build(experiment)
    require_call(function, adjustment, "logits", "context", "value")
    logits, ends = torch.randn(PAIRS, experiment.num_predicates), torch.ones(PAIRS, dtype=torch.long)
    for value in values:
        taken = {counterfactual: torch.randn_like(logits) for counterfactual in adjustment.counterfactuals(value)}
        context = PredictedPairs(ends, ends, plain=logits, counterfactuals=taken)
        require_logits(function(logits, context, value), function, logits, name)


def _try_augmentation(experiment: Experiment) -> None:
    """Build the augmentation and try it."""
    config = experiment.config
    spec, augmentation = config.detector.spec, config.augmentation
    built = augmentation.build(parts_without_features(augmentation, experiment, spec.channels,
                                                      spec.map_size(spec.image_size)))
    try_augmenter(require_augmenter(built, augmentation), experiment)
