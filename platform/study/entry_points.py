"""Where the science is that a search runs. Imports nothing of it, nor Ray: faults of a config are told first."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EntryPoints:
    """Where the science is, each "module:function"; tests put smaller parts here.

    open_data: `sgg.experiment.data_checks.open_for_training`; says at once what is wrong with the data. prepare:
    `sgg.systems.prepare`; makes what trials share. fit: `sgg.training.fit.fit`.
    """

    open_data: str = "sgg.experiment.data_checks:open_for_training"
    prepare: str = "sgg.systems:prepare"
    fit: str = "sgg.training.fit:fit"


def find(name: str) -> Callable[..., Any]:
    """The function called `module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
