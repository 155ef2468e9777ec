"""The protocol of systems: all that training, evaluation and checkpoints know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sgg.checkpoint import Checkpoint
from sgg.common.seeding import generator
from sgg.data.images.corruption import Corruption
from sgg.data.provenance import DataProvenance
from sgg.experiment.context import Experiment
from sgg.features import Progress, StoreIdentity, StoreWriter
from sgg.features.image_writer import ImageStoreWriter
from sgg.methods.head import Mode
from sgg.methods.variants import Adjuster
from sgg.structures import Batch, Prediction

Losses = dict[str, Tensor]
Check = Callable[[Experiment, Mapping[str, str | None]], None]
"""Gets the experiment, and the hash of each part on which the system is built (None for a part that is not trained
yet), before anything is made. Raises ValueError where a checkpoint was made from something else."""


Use = Literal["features", "evaluation", "training"]
"""Why a method is built. features: only its detector. evaluation: also its head, and the adjustments. training: all of
its parts."""
UNADJUSTED = {"": Adjuster(())}
"""The adjusters of predictions that are not adjusted."""


class DivergedError(FloatingPointError):
    """The scores of a model are not finite."""


class Draws:
    """The random generators of one epoch, one for each purpose. A generator follows from (seed, purpose, epoch) alone.

    epoch: its number. place: the rank of this process where several train together; nothing where there is one.
    """

    def __init__(self, seed: int, epoch: int, *place: int | str) -> None:
        self.epoch, self._seed, self._place = epoch, seed, (epoch, *place)
        self._generators: dict[str, torch.Generator] = {}

    def __getitem__(self, purpose: str) -> torch.Generator:
        if purpose not in self._generators:
            self._generators[purpose] = generator(self._seed, purpose, *self._place)
        return self._generators[purpose]

    def states(self) -> dict[str, Tensor]:
        """The state of each generator that has been used, by purpose."""
        return {purpose: one.get_state() for purpose, one in self._generators.items()}

    def set_states(self, states: Mapping[str, Tensor]) -> None:
        """Let generators continue where others of the same epoch had the `states`."""
        for purpose, state in states.items():
            self[purpose].set_state(state)


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a training step.

    losses: scalars by name; none where the batch could not train. counts: numbers of images by name, such as
    `fallbacks`, the images for which a detector had to lower its score threshold. norms: scalars, the norm of the
    gradient of each update, before it is clipped; an update was skipped where its norm is not finite.

    Losses and norms stay on the device that computed them. The caller reads those of several steps at once.
    """

    losses: Losses
    counts: Mapping[str, int] = field(default_factory=dict)
    norms: Sequence[Tensor] = ()


@dataclass(frozen=True, slots=True)
class Predicted:
    """The predictions of a batch.

    predictions: by mode followed by the suffix of an adjuster, one for each image. counts: as in `StepResult`.
    """

    predictions: dict[str, list[Prediction]]
    counts: Mapping[str, int] = field(default_factory=dict)


class Predictor(Protocol):
    """A trained system.

    device: the device on which it computes. networks: the networks that a checkpoint holds, by name.
    """

    device: torch.device
    networks: Mapping[str, nn.Module]

    def predict(self, batch: Batch, modes: Sequence[Mode], adjusters: Mapping[str, Adjuster] = UNADJUSTED) -> Predicted:
        """Ranked predictions of every image of a batch, for each of `modes` (sgcls, predcls, sgdet).

        adjusters: adjust the predicate logits, by suffix; predictions are named by mode followed by suffix.

        Raises DivergedError, naming mode and image, where scores are not finite.
        """

    def evaluating(self) -> AbstractContextManager[None]:
        """A context in which networks are in evaluation mode; afterwards they are in their former mode."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of classes and predicates, each with the background first."""

    classes: tuple[str, ...]
    predicates: tuple[str, ...]


class System(Predictor, Protocol):
    """A system that learns.

    optimizers: by name. rates: the dotted keys of the settings that are their learning rates.
    """

    rates: Sequence[str]
    optimizers: Mapping[str, torch.optim.Optimizer]

    def set_rates(self, done: int, steps_per_epoch: int) -> None:
        """Set the learning rates for the step that follows `done` steps."""

    def repeats(self, experiment: Experiment) -> np.ndarray | None:
        """[I] how often each training image occurs in an epoch; None: once."""

    def train(self) -> None:
        """Put every network into training mode."""

    def training_step(self, batch: Batch, draws: Draws) -> StepResult:
        """Update every network on a batch.

        A loss or gradient that is not finite raises nothing here, since looking at it would wait for the device. The
        caller finds it in the result. A gradient that is not finite changes no weight of the scene-graph model.
        """

    def measure(self, foundation: Foundation, epoch: int) -> Mapping[str, float]:
        """What the system measures of its own training after an epoch, by name, beside the metrics of its predictions;
        empty where nothing is due. The training stays the same to the last bit.

        Raises DivergedError where what a network makes is not finite.
        """


class TrainingBatches(Protocol):
    """The batches of training, epoch by epoch."""

    def __len__(self) -> int:
        """The number of batches of an epoch."""

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from batch `first` on, counted from 0. Starting another epoch ends this one."""


@dataclass(frozen=True)
class MissingStores:
    """Stores of the detector's outputs that training wants and that are missing. It can be pickled.

    writers: those of each split by its name, by kind. said: what was decided, and why, in lines for people. seconds:
    what one process on this machine takes to compute them.
    """

    writers: Mapping[str, Mapping[str, ImageStoreWriter]]
    said: Sequence[str] = ()
    seconds: float = 0.0


class FeatureExtraction(Protocol):
    """The features of one kind that trials share, in parts of a store (`sgg/features/writer.py`). Any process may write
    a part.

    identity: everything that decides the rows of the store.
    """

    @property
    def identity(self) -> StoreIdentity:
        """See above."""

    def ranges(self) -> list[range]:
        """The images of each part of the store."""

    def batches(self, images: range) -> Iterable[Batch]:
        """The images of one of `ranges`, in batches."""

    def write_part(self, writer: StoreWriter, number: int, batches: Iterable[Batch]) -> None:
        """Compute the features of one part of the store and write them."""


@dataclass(frozen=True)
class GeneratorRun:
    """The training of a generator that trials share.

    foundation: of the settings of this training. system: its steps train the generator, with what belongs to it, and
    nothing else. networks, optimizers: these, by name. folder: of the run. seal: gets the last checkpoint, and says on
    the disk that the generator is whole.
    """

    foundation: Foundation
    system: System
    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    folder: Path
    seal: Callable[[Checkpoint], None]


class Foundation(Protocol):
    """The shared basis of all trials of a search: made once, found by every trial.

    experiment: settings and data. parts: the hash of each part on which the system is built. provenance: the
    description of the data, and of what was made from them, in every result file.
    """

    @property
    def experiment(self) -> Experiment:
        """See above."""

    @property
    def parts(self) -> Mapping[str, str]:
        """See above."""

    @property
    def provenance(self) -> DataProvenance:
        """See above."""

    def training_features(self) -> Sequence[tuple[FeatureExtraction, Path]]:
        """The extraction of all features that training reads and that are ours (`sgg.systems.reads_features`), each
        with the path of its store."""

    def missing_stores(self) -> MissingStores:
        """Decide which stores of the detector's outputs are made (`features.maps`). Raises ValueError where the disk
        has no room for them."""

    def write_stores(self, split: str, writers: Mapping[str, ImageStoreWriter], shards: Sequence[int],
                     progress: Progress = iter) -> None:
        """Compute some shards of the stores of a split and write them. Any process may do so, at the same time as
        others, which write other shards. Raises ValueError where this process would compute other numbers, or an image
        file is faulty; OSError where a store cannot be written."""

    def make_ready(self, make_maps: bool = True) -> None:
        """Make what training needs beside the parts, where it is missing. make_maps: False: `missing_stores` are not
        made, because another process has decided on them."""

    def missing_generator(self) -> Path | None:
        """The folder of a generator that trials share and that is not trained yet; None where there is none to train.
        Raises ValueError, naming the setting or file, where a trained one is damaged or does not fit."""

    def generator_run(self) -> GeneratorRun:
        """The training of the `missing_generator`, with fresh weights."""

    def training_batches(self, repeats: np.ndarray | None = None) -> TrainingBatches:
        """The batches of training. repeats: [I] how often each image occurs in an epoch; None: once."""

    def evaluation_batches(self, split: str, corruption: Corruption | None = None) -> Iterator[Batch]:
        """Batches of `val` or `test`, in order. corruption: of the images; None: what the settings say."""

    def some_batches(self, split: str, images: int) -> Iterator[Batch]:
        """Batches of so many images of a split, at equal distances over it, as they are, with the detector's map where
        it is stored. Every process gets all of them."""

    def build(self) -> System:
        """The system of the trial that the settings describe, with fresh weights."""

    def build_predictor(self) -> Predictor:
        """The same system without the parts that only training needs."""

    def write_parts(self, folder: Path) -> None:
        """Write into `folder` what predictions need beside a checkpoint, where it is missing: names, and the parts on
        which the system is built. `sgg.systems.open_predictor` reads it, without the data."""
