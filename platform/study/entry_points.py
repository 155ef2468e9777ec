"""The functions of `sgg` that a search calls, by name. This file imports neither them nor Ray, so that a command can
report faults of a config at once."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EntryPoints:
    """The functions that a search calls, each as "module:function". Tests replace them by smaller ones.

    open_data: opens and checks the data. prepare: makes what trials share. fit: trains one trial.
    """

    open_data: str = "sgg.experiment.data_checks:open_for_training"
    prepare: str = "sgg.training.preparation:prepare"
    fit: str = "sgg.training.fit:fit"

    @property
    def share(self) -> bool:
        """Whether Ray tasks can make what trials share: they make a part of what this `prepare` would make."""
        return self.prepare == EntryPoints.prepare


def find(name: str) -> Callable[..., Any]:
    """The function called `module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
