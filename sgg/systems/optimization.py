"""The optimiser of a scene-graph model and the schedule of its learning rate (docs/SYSTEM.md section 2, "Optimiser").
"""

from __future__ import annotations

import math
from typing import Any

import torch

from sgg.config.schema import Training

DECAY = 0.1
"""The factor by which the schedule `step` multiplies the learning rate."""


def build_optimizer(settings: Training, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """SGD or AdamW. groups: parameters with their learning rates."""
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)


def rate_factor(settings: Training, done: int, steps_per_epoch: int) -> float:
    """The factor of the learning rate after `done` steps. It follows from the arguments alone, so a resumed run
    continues as if it was not interrupted.

    constant: 1. step: 1 through `decay_epoch`, then a tenth. cosine: half a cosine from 1 down to 0 at the end of the
    last epoch. The first `warmup_steps` steps also multiply the factor by a line from `warmup_factor` to 1.
    """
    factor = 1.0
    if settings.schedule == "step":
        factor = DECAY if done // steps_per_epoch + 1 > settings.decay_epoch else 1.0
    elif settings.schedule == "cosine":
        begun = settings.warmup_steps
        fraction = (done - begun) / max(settings.epochs * steps_per_epoch - begun, 1)
        factor = 0.5 * (1 + math.cos(math.pi * min(max(fraction, 0.0), 1.0)))
    if done < settings.warmup_steps:
        start = settings.warmup_factor
        factor *= start + (1 - start) * done / settings.warmup_steps
    return factor
