"""How each kind of detector is pre-trained: phases, optimiser, rates."""

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
"""Changes with anything in this package or in the backbones that makes the same data give another detector."""

WARM_UP = 0.15  # share of a phase's steps over which the rate rises

Target = dict[str, Tensor]
Losses = dict[str, Tensor]


def everything(rcnn: FasterRCNN, images: Sequence[Tensor], targets: list[Target]) -> Losses:
    """torchvision's own losses of proposals and boxes, for every weight."""
    return rcnn(list(images), targets)


def regions(rcnn: FasterRCNN, images: Sequence[Tensor], targets: list[Target]) -> Losses:
    """Cross-entropy of naming the true boxes: teaches a backbone from nothing at half the price of `everything`."""
    padded, targets = rcnn.transform(list(images), targets)
    heads = rcnn.roi_heads
    pooled = heads.box_roi_pool({"0": rcnn.backbone(padded.tensors)}, [one["boxes"] for one in targets],
                                padded.image_sizes)
    logits, _ = heads.box_predictor(heads.box_head(pooled))
    return {"naming": F.cross_entropy(logits, torch.cat([one["labels"] for one in targets]))}


def heads(rcnn: FasterRCNN, images: Sequence[Tensor], targets: list[Target]) -> Losses:
    """torchvision's own losses on a backbone that stays as it is."""
    padded, targets = rcnn.transform(list(images), targets)
    with torch.no_grad():
        maps = {"0": rcnn.backbone(padded.tensors)}
    proposals, losses = rcnn.rpn(padded, maps, targets)
    return losses | rcnn.roi_heads(maps, proposals, padded.image_sizes, targets)[1]


@dataclass(frozen=True)
class Phase:
    """A stretch of training. loss: what it minimises. parts: the modules of the R-CNN that learn; none for all of it.
    share: of all epochs.
    """

    loss: Callable[[FasterRCNN, Sequence[Tensor], list[Target]], Losses]
    parts: tuple[str, ...]
    share: float

    def modules(self, rcnn: FasterRCNN) -> list[nn.Module]:
        """The modules that learn."""
        return [rcnn.get_submodule(part) for part in self.parts] if self.parts else [rcnn]


@dataclass(frozen=True)
class Recipe:
    """Settings of a pre-training. optimizer: sgd (momentum .9) or adamw. clip: bound of the gradient's norm."""

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
        """A fresh optimiser of what learns in a phase."""
        weights = [weight for module in phase.modules(rcnn) for weight in module.parameters()]
        if self.optimizer == "sgd":
            return torch.optim.SGD(weights, self.learning_rate, momentum=0.9, weight_decay=self.weight_decay)
        return torch.optim.AdamW(weights, self.learning_rate, weight_decay=self.weight_decay)

    def rate(self, done: float) -> float:
        """The learning rate when a share `done` of a phase is done: a linear rise, then half a cosine down to 0."""
        if done < WARM_UP:
            return self.learning_rate * done / WARM_UP
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values, for files and hashes."""
        phases = [[phase.loss.__name__, list(phase.parts), phase.share] for phase in self.phases]
        return asdict(self) | {"phases": phases, "version": VERSION}
