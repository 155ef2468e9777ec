"""Parts of a method that plugins bring are built once before anything starts: their code may fail as it is built."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from sgg.config import Config
from sgg.data import DataSet
from sgg.experiment import Experiment
from sgg.methods.adjustment import ADJUSTMENTS
from sgg.methods.head import HeadSizes
from sgg.methods.plugins import plugin_of, told
from sgg.methods.registry import Method


def faults_of_plugins(config: Config, data: DataSet) -> list[str]:
    """One line for each part of a config's method that is a plugin's and cannot be built, with its file and line."""
    experiment, faults = Experiment(config, data), []
    parts: list[tuple[str, Method, Callable[[], Any]]] = [
        ("model.head", config.model.head, lambda: _build_head(experiment)),
        ("loss", config.loss, lambda: config.loss.build(experiment))]
    for name, entry in ADJUSTMENTS.entries.items():
        if set(getattr(config.evaluation, name)) != {entry.neutral}:
            adjustment = entry()
            parts.append((f"evaluation.{name}", adjustment, partial(adjustment.build, experiment)))
    for key, part, build in parts:
        plugin = plugin_of(type(part))
        if plugin is None:
            continue
        try:
            with torch.random.fork_rng([]):
                build()
        except Exception as error:
            faults.append(f"{key}: {told(error, plugin)}")
    return faults


def _build_head(experiment: Experiment) -> nn.Module:
    config = experiment.config
    look, dim, head = config.detector.look, config.embeddings.dim, config.model.head
    classes, predicates = experiment.num_classes, experiment.num_predicates
    words = (torch.zeros(classes, dim), torch.zeros(predicates, dim)) if head.needs_words else None
    return head.build(HeadSizes(look.head_dim, classes, predicates, dim if words else 0, look.channels), words)
