"""An augmentation during training: the work that it does in every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from sgg.data.annotations import Annotations
from sgg.methods.augmentation import Augmentation
from sgg.methods.registry import MethodError, place
from sgg.systems.contract import Draws, Losses

from .sample import Sample

if TYPE_CHECKING:
    from .learner import GraphLearner


class Augmenter:
    """An augmentation during training. A method that a subclass does not override changes nothing.

    networks: the networks that it trains itself, by name, for checkpoints. optimizers: their optimisers, by name.
    """

    networks: Mapping[str, nn.Module] = {}
    optimizers: Mapping[str, Optimizer] = {}

    def repeats(self, annotations: Annotations) -> np.ndarray | None:
        """[I] how often each training image occurs in an epoch; None: once."""
        return None

    def sample_pairs(self, relations: Tensor, background: Tensor, budget: int,
                     generator: Generator) -> tuple[Tensor, Tensor] | None:
        """Sample the annotated relations and the background pairs on which a batch is trained; None: the uniform
        choice.

        relations: [E, 4] image, subject, object, predicate. background: [K, 2] pairs without relation. budget: the
        largest number of pairs. Returns rows of `relations` and rows of `background`.
        """
        return None

    def request(self, sample: Sample, draws: Draws) -> Any:
        """Draw what `update` will need for a sample, and begin to read it. This is called before the update of the
        model."""
        return None

    def update(self, samples: Sequence[Sample], requested: Sequence[Any], learner: GraphLearner) -> Losses:
        """Every update of a step other than that on the real images. Returns losses by name.

        samples: a batch, split into parts whose gradients are added. requested: the results of `request` for them.
        learner: the scene-graph model with its losses and its optimiser.
        """
        return {}


def require_augmenter(augmenter: Any, settings: Augmentation) -> Augmenter:
    """Return the result of `Augmentation.build`. Raises MethodError that names file and line unless it is an
    `Augmenter`."""
    if isinstance(augmenter, Augmenter):
        return augmenter
    raise MethodError(f"{place(settings.build)}: {type(settings).__name__}.build must return an Augmenter "
                      f"({__name__}), got {type(augmenter).__name__}")


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
