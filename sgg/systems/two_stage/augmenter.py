"""An augmentation during training: the work that it does in every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from sgg.data.annotations import Annotations
from sgg.methods.augmentation import Augmentation
from sgg.methods.registry import MethodError, place
from sgg.models.sampling import Budget
from sgg.systems.contract import Draws, Foundation, Losses

from .sample import Plan, Sample

if TYPE_CHECKING:
    from .learner import GraphLearner


MODEL = "model"
"""The name of the scene-graph model, and of its optimiser, in checkpoints."""


class Augmenter:
    """An augmentation during training. A method that a subclass does not override changes nothing.

    networks: the networks that it trains itself, by name, for checkpoints. optimizers: their optimisers, by name.
    """

    networks: Mapping[str, nn.Module] = {}
    optimizers: Mapping[str, Optimizer] = {}

    def repeats(self, annotations: Annotations) -> np.ndarray | None:
        """[I] how often each training image occurs in an epoch; None: once."""
        return None

    def sample_pairs(self, relations: Tensor, background: Tensor, budget: Budget,
                     generator: Generator) -> tuple[Tensor, Tensor] | None:
        """Sample the annotated relations and the background pairs on which a batch is trained; None: the uniform
        choice.

        relations: [E, 4] image, subject, object, predicate. background: [K, 2] pairs without relation. budget: the
        largest numbers of pairs. Returns rows of `relations` and rows of `background`.
        """
        return None

    def request(self, plan: Plan, draws: Draws) -> Any:
        """Draw what `update` will need for the sample of a plan, and begin to read it. This is called before the update
        of the model. plan: boxes, labels, relations and pairs, on the CPU."""
        return None

    def update(self, samples: Sequence[Sample], requested: Sequence[Any], learner: GraphLearner) -> Losses:
        """Every update of a step other than that on the real images. Returns losses by name.

        samples: a batch, split into parts whose gradients are added. requested: the results of `request` for them.
        learner: the scene-graph model with its losses and its optimiser.
        """
        return {}

    def measure(self, foundation: Foundation, learner: GraphLearner, epoch: int) -> Mapping[str, float]:
        """What there is to measure of this augmentation after an epoch, by name (`System.measure`)."""
        return {}


def require_augmenter(augmenter: Any, settings: Augmentation) -> Augmenter:
    """Return the result of `Augmentation.build`. Raises MethodError that names file and line unless it is an
    `Augmenter` whose networks and optimisers have other names than that of the scene-graph model."""
    if not isinstance(augmenter, Augmenter):
        raise MethodError(f"{place(settings.build)}: {type(settings).__name__}.build must return an Augmenter "
                          f"({__name__}), got {type(augmenter).__name__}")
    if MODEL in {*augmenter.networks, *augmenter.optimizers}:
        kind = type(augmenter)
        raise MethodError(f"{place(kind)}: {kind.__name__}: the name `{MODEL}` is taken by the scene-graph model; give "
                          "the network or optimiser of the augmentation another name")
    return augmenter


def repeats_of(augmenter: Augmenter, annotations: Annotations) -> np.ndarray | None:
    """The result of `Augmenter.repeats` for [I] images. Raises MethodError that names its file and line unless it is
    None or I whole numbers >= 0, of which one is > 0."""
    repeats = augmenter.repeats(annotations)
    if repeats is None:
        return None
    given = np.asarray(repeats)
    if given.dtype.kind in "iu" and given.shape == (len(annotations),) and (given >= 0).all() and given.any():
        return given
    kind = type(augmenter)
    raise MethodError(f"{place(kind.repeats)}: {kind.__name__}.repeats must return None or [{len(annotations)}] whole "
                      f"numbers >= 0, one for each training image and not all zero, got {given.dtype} of shape "
                      f"{list(given.shape)}: {np.array2string(given, threshold=6, edgeitems=3)}")


def sampled_pairs(augmenter: Augmenter, relations: Tensor, background: Tensor, budget: Budget,
                  generator: Generator) -> tuple[Tensor, Tensor] | None:
    """The result of `Augmenter.sample_pairs`. Raises MethodError that names its file and line unless it is None or two
    vectors, of rows of `relations` and of `background`."""
    chosen = augmenter.sample_pairs(relations, background, budget, generator)
    if chosen is None:
        return None
    given = tuple(chosen) if isinstance(chosen, tuple | list) else (chosen,)
    if len(given) == 2 and all(map(_are_rows, given, (relations, background))):
        return given[0], given[1]
    kind = type(augmenter)
    raise MethodError(f"{place(kind.sample_pairs)}: {kind.__name__}.sample_pairs must return None or two tensors of "
                      f"whole numbers, rows of the {len(relations)} relations and rows of the {len(background)} "
                      f"background pairs, got {' and '.join(map(_described, given)) or 'an empty tuple'}")


def _are_rows(rows: Any, table: Tensor) -> bool:
    """Whether `rows` is a vector of numbers of rows of `table`."""
    return isinstance(rows, Tensor) and rows.dtype in (torch.int32, torch.int64) and rows.dim() == 1 and \
        bool(((rows >= 0) & (rows < len(table))).all())


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    ends = f", {value.min()} to {value.max()}" if value.numel() and not value.is_complex() else ""
    return f"{value.dtype} of shape {list(value.shape)}{ends}"
