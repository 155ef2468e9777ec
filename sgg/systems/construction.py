"""Parts of a method that plugins bring are built once before anything starts: their code may fail as it is built."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from sgg.config import Config
from sgg.data import DataSet
from sgg.experiment import Experiment
from sgg.methods.adjustment import ADJUSTMENTS, Adjustment
from sgg.methods.backbone import BACKBONES
from sgg.methods.head import HeadSizes
from sgg.methods.plugins import plugin_of, told


def faults_of_plugins(config: Config, data: DataSet) -> list[str]:
    """One line for each part of a config's method that is a plugin's and cannot be built, with its file and line."""
    faults = []
    parts = [("model.head", config.model.head, _head), ("loss", config.loss, _loss)]
    parts += [(f"evaluation.{name}", entry(), partial(_adjustment, entry=entry))
              for name, entry in ADJUSTMENTS.entries.items()
              if set(getattr(config.evaluation, name)) != {entry.neutral}]
    for key, part, build in parts:
        plugin = plugin_of(type(part))
        if plugin is None:
            continue
        try:
            with torch.random.fork_rng([]):
                build(config, Experiment(config, data))()
        except Exception as error:
            faults.append(f"{key}: {told(error, plugin)}")
    return faults


def _head(config: Config, experiment: Experiment) -> Callable[[], Any]:
    look, dim, head = BACKBONES[config.detector.backbone].look, config.embeddings.dim, config.model.head
    classes, predicates = experiment.num_classes, experiment.num_predicates
    words = None
    if head.needs & {"class_vectors", "predicate_vectors"}:
        words = torch.zeros(classes, dim), torch.zeros(predicates, dim)
    return lambda: head.build(HeadSizes(look.head_dim, classes, predicates, dim if words else 0, look.channels), words)


def _adjustment(config: Config, experiment: Experiment, entry: type[Adjustment]) -> Callable[[], Any]:
    return lambda: entry().build(experiment)


def _loss(config: Config, experiment: Experiment) -> Callable[[], Any]:
    return lambda: config.loss.build(experiment)
