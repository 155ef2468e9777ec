"""An augmentation at work: what it does in every step of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from sgg.data.annotations import Annotations
from sgg.systems.contract import Draws, Losses

from .sample import Sample

if TYPE_CHECKING:
    from .learner import GraphLearner


class Augmenter:
    """An augmentation at work. Each method that a subclass leaves out changes nothing.

    networks: what it trains itself, by name, for checkpoints. optimizers: of these, by name.
    """

    networks: Mapping[str, nn.Module] = {}
    optimizers: Mapping[str, Optimizer] = {}

    def repeats(self, annotations: Annotations) -> np.ndarray | None:
        """[I] how often each of the training images stands in an epoch; None: once each."""
        return None

    def sample_pairs(self, relations: Tensor, background: Tensor, budget: int,
                     generator: Generator) -> tuple[Tensor, Tensor] | None:
        """Which annotated relations and which background pairs a batch is trained on; None: drawn uniformly.

        relations: [E, 4] image, subject, object, predicate. background: [K, 2] pairs without relation. budget: at most
        so many pairs. Returns rows of `relations` and rows of `background`.
        """
        return None

    def request(self, sample: Sample, draws: Draws) -> Any:
        """Draw what `update` will need for a sample, and begin to read it; called before the model's update."""
        return None

    def update(self, samples: Sequence[Sample], requested: Sequence[Any], learner: GraphLearner) -> Losses:
        """Every update of a step beside that on the real images. Returns losses by name.

        samples: a batch, split up into parts whose gradients are added. requested: what `request` gave for each of
        them. learner: the scene-graph model with its losses and its optimiser.
        """
        return {}
