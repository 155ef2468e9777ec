"""The optimiser of a scene-graph model and the schedule of its learning rate (docs/SYSTEM.md section 2, "Optimiser").
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sgg.config.schema import Training

NORM_EPS = 1e-6
"""What `torch.nn.utils.clip_grad_norm_` adds to the norm."""
DECAY = 0.1
"""The factor by which the schedule `step` multiplies the learning rate."""


def build_optimizer(settings: Training, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """SGD or AdamW, fused: one pass over the weights. groups: parameters with their learning rates."""
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    optimizer = torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=True)
    if settings.momentum:  # else a first update that `clipped_step` skips would leave the buffers without values
        for group in optimizer.param_groups:
            for weight in group["params"]:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    return optimizer


def clipped_step(optimizer: torch.optim.Optimizer, largest_norm: float) -> Tensor:
    """One update of a fused optimiser, by gradients that are scaled down to a norm of `largest_norm` in all where it is
    larger. The optimiser scales them in its own pass over the weights.

    Returns the norm, a scalar, before clipping. Where it is not finite, the optimiser skips the update: weights and
    moments stay. The device decides that, so nothing here waits for it. Processes that train together have the same
    gradients, and therefore decide the same.
    """
    norm = torch.nn.utils.get_total_norm([weight.grad for group in optimizer.param_groups for weight in group["params"]
                                          if weight.grad is not None])
    divisor = ((norm + NORM_EPS) / largest_norm).clamp(min=1).float()
    optimizer.grad_scale = divisor  # type: ignore[attr-defined]  # what torch's fused optimisers divide gradients by
    optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]  # where it is 1, they do nothing
    optimizer.step()
    return norm


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
