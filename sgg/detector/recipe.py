"""Recipes for the pre-training of detectors: phases, optimiser, learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN

VERSION = 1
"""This number changes whenever a change of this package or the backbones gives another detector for the same data."""

WARM_UP = 0.15  # the fraction of a phase's steps over which the rate rises

Target = dict[str, Tensor]
Losses = dict[str, Tensor]


def everything(rcnn: FasterRCNN, images: Sequence[Tensor], targets: list[Target]) -> Losses:
    """torchvision's losses of proposals and boxes, for all weights."""
    return rcnn(list(images), targets)


def regions(rcnn: FasterRCNN, images: Sequence[Tensor], targets: list[Target]) -> Losses:
    """Cross-entropy of classifying the true boxes. It trains a backbone from scratch in half the time of `everything`.
    """
    padded, targets = rcnn.transform(list(images), targets)
    heads = rcnn.roi_heads
    pooled = heads.box_roi_pool({"0": rcnn.backbone(padded.tensors)}, [one["boxes"] for one in targets],
                                padded.image_sizes)
    logits, _ = heads.box_predictor(heads.box_head(pooled))
    return {"naming": F.cross_entropy(logits, torch.cat([one["labels"] for one in targets]))}


def heads(rcnn: FasterRCNN, images: Sequence[Tensor], targets: list[Target]) -> Losses:
    """torchvision's losses with a frozen backbone."""
    padded, targets = rcnn.transform(list(images), targets)
    with torch.no_grad():
        maps = {"0": rcnn.backbone(padded.tensors)}
    proposals, losses = rcnn.rpn(padded, maps, targets)
    return losses | rcnn.roi_heads(maps, proposals, padded.image_sizes, targets)[1]


@dataclass(frozen=True)
class Phase:
    """A phase of training. loss: the loss to minimise. parts: the modules of the R-CNN that learn; () for all of it.
    share: the fraction of all epochs.
    """

    loss: Callable[[FasterRCNN, Sequence[Tensor], list[Target]], Losses]
    parts: tuple[str, ...]
    share: float

    def modules(self, rcnn: FasterRCNN) -> list[nn.Module]:
        """The modules that learn."""
        return [rcnn.get_submodule(part) for part in self.parts] if self.parts else [rcnn]


@dataclass(frozen=True)
class Recipe:
    """The settings of a pre-training. optimizer: sgd (momentum .9) or adamw. clip: the largest norm of the gradient."""

    optimizer: str
    epochs: int
    batch_size: int
    learning_rate: float
    phases: tuple[Phase, ...] = (Phase(everything, (), 1.0),)
    weight_decay: float = 1e-4
    clip: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"detector {name} must be > 0, got {getattr(self, name)}")

    def phase_at(self, epoch: int) -> tuple[Phase, range]:
        """The phase of an epoch (from 0), and the epochs of that phase."""
        start, share = 0, 0.0
        for phase in self.phases:
            share += phase.share
            stop = round(self.epochs * share)
            if epoch < stop:
                return phase, range(start, stop)
            start = stop
        raise ValueError(f"epoch {epoch} is past the last, {self.epochs - 1}")

    def build_optimizer(self, phase: Phase, rcnn: FasterRCNN) -> torch.optim.Optimizer:
        """A new optimiser for the modules that learn in a phase."""
        weights = [weight for module in phase.modules(rcnn) for weight in module.parameters()]
        if self.optimizer == "sgd":
            return torch.optim.SGD(weights, self.learning_rate, momentum=0.9, weight_decay=self.weight_decay)
        return torch.optim.AdamW(weights, self.learning_rate, weight_decay=self.weight_decay)

    def rate(self, done: float) -> float:
        """The learning rate after the fraction `done` of a phase: a linear rise, then half a cosine down to 0."""
        if done < WARM_UP:
            return self.learning_rate * done / WARM_UP
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values, for files and hashes."""
        phases = [[phase.loss.__name__, list(phase.parts), phase.share] for phase in self.phases]
        return asdict(self) | {"phases": phases, "version": VERSION}
