"""What training, evaluation and checkpoints know of a system."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sgg.common.seeding import generator
from sgg.data.provenance import DataProvenance
from sgg.experiment.context import Experiment
from sgg.methods.head import Mode
from sgg.methods.variants import Adjuster
from sgg.structures import Batch, Prediction
from sgg.systems.extraction import Extraction

Losses = dict[str, Tensor]
Check = Callable[[Experiment, Mapping[str, str | None]], None]
"""Gets what is known before anything is made: the experiment, and the hash of each part that the system stands on, None
for one that is still to be trained. Raises ValueError where a checkpoint was made from something else."""


AS_IT_IS = {"": Adjuster(())}
"""Nothing is adjusted."""


class DivergedError(FloatingPointError):
    """A model gives scores that are not finite."""


class Draws:
    """The random numbers of one epoch: a generator for each purpose, which follows from (seed, purpose, epoch) alone.

    worker: which one of several processes that train together; nothing where there is one.
    """

    def __init__(self, seed: int, epoch: int, *worker: int) -> None:
        self._place = (seed, epoch, *worker)
        self._generators: dict[str, torch.Generator] = {}

    def __getitem__(self, purpose: str) -> torch.Generator:
        if purpose not in self._generators:
            seed, *rest = self._place
            self._generators[purpose] = generator(seed, purpose, *rest)
        return self._generators[purpose]


@dataclass(frozen=True, slots=True)
class StepResult:
    """losses: scalars by name; none where the batch could not train. counts: numbers of images by name, such as
    `fallbacks`, those for which a detector had to lower its score threshold."""

    losses: Losses
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Predicted:
    """predictions: of each mode and suffix of an adjuster, one for each image. counts: as in `StepResult`."""

    predictions: dict[str, list[Prediction]]
    counts: Mapping[str, int] = field(default_factory=dict)


class Predictor(Protocol):
    """A trained system.

    device: that it computes on. networks: what a checkpoint holds of it, by name.
    """

    device: torch.device
    networks: Mapping[str, nn.Module]

    def predict(self, batch: Batch, modes: Sequence[Mode], adjusters: Mapping[str, Adjuster] = AS_IT_IS) -> Predicted:
        """Ranked predictions of every image of a batch, for each of `modes` (sgcls, predcls, sgdet).

        adjusters: what adjusts the predicate logits, by suffix; there are predictions for each, by mode and suffix.

        Raises DivergedError, naming mode and image, where scores are not finite.
        """

    def evaluating(self) -> AbstractContextManager[None]:
        """Within it, networks behave as in evaluation; after it, as before."""


class System(Predictor, Protocol):
    """A system that learns.

    optimizers: by name. rates: the settings that are learning rates of these, by dotted key.
    """

    rates: Sequence[str]
    optimizers: Mapping[str, torch.optim.Optimizer]

    def set_rates(self, done: int, steps_per_epoch: int) -> None:
        """Set the learning rates when `done` steps of training are done."""

    def repeats(self, experiment: Experiment) -> np.ndarray | None:
        """[I] how often each training image stands in an epoch; None: once each."""

    def train(self) -> None:
        """Have every network behave as in training."""

    def training_step(self, batch: Batch, draws: Draws) -> StepResult:
        """Update every network on a batch.

        Raises FloatingPointError where a gradient is not finite, before its update.
        """


class Foundation(Protocol):
    """What all trials of a search share: made once, found ready by every trial.

    experiment: settings and data. parts: the hash of each part that the system stands on. facts: what every result file
    says of the data and of what was made from them.
    """

    @property
    def experiment(self) -> Experiment:
        """See above."""

    @property
    def parts(self) -> Mapping[str, str]:
        """See above."""

    @property
    def facts(self) -> DataProvenance:
        """See above."""

    def training_features(self) -> tuple[Extraction, Path]:
        """How the features are made that training reads (`sgg.systems.reads_features`), and the store that they are
        kept in."""

    def make_ready(self) -> None:
        """Make what training needs beside the parts, where it is missing."""

    def build(self) -> System:
        """The system of the trial that the settings describe, with fresh weights."""

    def build_predictor(self) -> Predictor:
        """The same without what only training needs."""
