"""The optimiser of a scene-graph model, and how its learning rate changes (docs/SYSTEM.md section 2, "Optimiser")."""

from __future__ import annotations

import math
from typing import Any

import torch

from sgg.config.schema import Training

DECAY = 0.1
"""What the schedule `step` multiplies the rate by."""


def build_optimizer(settings: Training, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """SGD or AdamW. groups: parameters with their learning rates."""
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)


def rate_factor(settings: Training, done: int, steps_per_epoch: int) -> float:
    """What the learning rate is multiplied by when `done` steps are done: it follows from the settings and from these
    two numbers alone, so that a run that is resumed goes on as it was.

    constant: 1. step: 1 through `decay_epoch`, then a tenth. cosine: from 1 half a cosine down to 0 at the end of the
    last epoch. The first `warmup_steps` steps rise linearly from `warmup_factor` to 1, times that.
    """
    factor = 1.0
    if settings.schedule == "step":
        factor = DECAY if done // steps_per_epoch + 1 > settings.decay_epoch else 1.0
    elif settings.schedule == "cosine":
        begun = settings.warmup_steps
        share = (done - begun) / max(settings.epochs * steps_per_epoch - begun, 1)
        factor = 0.5 * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0)))
    if done < settings.warmup_steps:
        start = settings.warmup_factor
        factor *= start + (1 - start) * done / settings.warmup_steps
    return factor
