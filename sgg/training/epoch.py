"""One epoch of training, from its first step or from one at which a run was interrupted."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

from sgg.checkpoint import PartialEpoch, RandomStates
from sgg.common import distributed as parallel
from sgg.common.heap import freed_memory_kept
from sgg.common.run_log import Row
from sgg.common.seeding import global_states, seed_everything, set_global_states
from sgg.config import Config
from sgg.config.loading.errors import in_words
from sgg.systems.contract import DivergedError, Draws, System, TrainingBatches

from .epoch_losses import EpochLosses

log = logging.getLogger(__name__)


def train_epoch(system: System, config: Config, batches: TrainingBatches, epoch: int, begun: PartialEpoch | None = None,
                save: Callable[[PartialEpoch], None] | None = None) -> Row:
    """One pass over the training images.

    begun: the state at which the epoch was interrupted; the pass continues there, and its row is that of the whole
    epoch. save: gets the state after every `training.checkpoint_steps` steps, in all processes that train together.

    Returns mean losses by name, their sum `loss`, `time` in seconds, and, for each count of the system
    (`StepResult.counts`), the fraction of images that it counted, named `share/<count>`.

    A batch with fewer than two pairs of objects cannot train; it is skipped, and the log reports it. The same holds for
    a batch in parts (`training.accumulate`) where no part has two pairs. Raises ValueError where all batches are
    skipped.

    Losses are read four times an epoch, or more often (`epoch_losses.py`), and before a checkpoint. Raises
    FloatingPointError that names step and images where a loss or a gradient was not finite in one of the steps since
    the last read.
    """
    progress = _Progress(system, config, epoch, begun)
    with freed_memory_kept(system.device):
        _take_steps(progress, system, config, batches, save)
    return progress.row(len(batches))


def _take_steps(progress: _Progress, system: System, config: Config, batches: TrainingBatches,
                save: Callable[[PartialEpoch], None] | None) -> None:
    """The steps of an epoch that are not done yet; see `train_epoch`."""
    losses, epoch, quarter = progress.losses, progress.epoch, max(1, len(batches) // 4)
    system.train()
    for step, batch in enumerate(batches.epoch(epoch, progress.step), start=progress.step + 1):
        system.set_rates((epoch - 1) * len(batches) + step - 1, len(batches))
        try:
            result = system.training_step(batch, progress.draws)
        except Exception as error:
            losses.read()  # where an earlier step diverged, this error is only its consequence
            if isinstance(error, FloatingPointError):
                raise losses.error(str(error), step, batch.image_ids) from error
            raise
        losses.add(step, result, batch.image_ids)
        progress.step = step
        progress.images += len(batch)
        progress.images_of.update(result.counts)
        progress.skipped += not result.losses
        if step % quarter == 0 or losses.is_due:
            values = losses.read()
            if values and step % quarter == 0:
                log.info("epoch %d: step %d of %d, loss %.3f", epoch, step, len(batches), sum(values.values()))
        if save is not None and config.training.checkpoint_steps and step % config.training.checkpoint_steps == 0:
            losses.read()
            save(progress.state())
    losses.read()


class _Progress:
    """What an epoch has done so far, in this process. The row of the epoch follows from it."""

    def __init__(self, system: System, config: Config, epoch: int, begun: PartialEpoch | None) -> None:
        self._started = time.monotonic() - (begun.seconds if begun else 0.0)
        self._device, self.epoch = system.device, epoch
        self.losses = EpochLosses(epoch, lower_rates(system))
        self.step = self.skipped = self.images = 0
        self.images_of: Counter[str] = Counter()
        if begun is not None:
            self.step, self.skipped = begun.step, begun.skipped
            self.losses.sums, self.losses.counts = dict(begun.sums), dict(begun.counts)
            if parallel.rank() == 0:  # of all processes together
                self.images, self.images_of = begun.images, Counter(begun.images_of)
        self.draws = _draws(config.seed, epoch, begun, system.device)

    def state(self) -> PartialEpoch:
        """The state after a step, the same in all processes. All losses must have been read."""
        mine: RandomStates = {"python": global_states(self._device), "draws": self.draws.states()}
        of_all = parallel.gathered((self.images, self.images_of, mine))
        images_of: Counter[str] = Counter()
        for _, here, _ in of_all:
            images_of.update(here)  # unlike +, this keeps a count of 0
        return PartialEpoch(self.step, self.skipped, time.monotonic() - self._started, dict(self.losses.sums),
                            dict(self.losses.counts), sum(images for images, _, _ in of_all), dict(images_of),
                            [states for _, _, states in of_all])

    def row(self, batches: int) -> Row:
        """The row of the epoch, of so many batches; see `train_epoch`."""
        if self.skipped:
            log.warning("epoch %d: %d of %d batches had no part with two pairs of objects and were skipped",
                        self.epoch, self.skipped, batches)
        means = {f"loss/{name}": value for name, value in self.losses.means().items()}
        if self.skipped and not means:
            raise ValueError(f"no batch of epoch {self.epoch} has two pairs of objects in one of its parts: raise "
                             "training.batch_size, lower training.accumulate, or leave out small images with "
                             "data.min_objects")
        row = {"loss": sum(means.values()), **means, "time": time.monotonic() - self._started}
        return row | image_fractions(self.images_of, self.images)


def _draws(seed: int, epoch: int, begun: PartialEpoch | None, device: torch.device) -> Draws:
    """The generators of an epoch, which continue where it was interrupted. Sets the global random states, too.

    All random numbers of an epoch follow from its number, so running it again gives the same result. In another
    environment than the interrupted one (other processes, GPU in place of CPU) the rest of the epoch draws others.
    """
    worker = [parallel.rank()] if parallel.num_workers() > 1 else []
    states = begun.random_states if begun else []
    known = len(states) == parallel.num_workers() and all(
        (state["python"]["cuda"] is not None) == (device.type == "cuda") for state in states)
    place: list[int | str] = ["step", begun.step] if begun and not known else []
    seed_everything(seed, "epoch", epoch, *place, *worker)
    draws = Draws(seed, epoch, *place, *worker)
    if known:
        mine = states[parallel.rank()]
        set_global_states(mine["python"], device)
        draws.set_states(mine["draws"])
    return draws


def image_fractions(counts: Mapping[str, int], images: int) -> Row:
    """`share/<count>`: each count as a fraction of the images of all processes. counts, images: of this process."""
    of_workers = parallel.gathered((dict(counts), images))
    total = sum(images for _, images in of_workers)
    return {f"share/{name}": sum(counts.get(name, 0) for counts, _ in of_workers) / max(total, 1)
            for name in sorted({name for counts, _ in of_workers for name in counts})}


@contextmanager
def naming_epoch(system: System, epoch: int, split: str = "") -> Iterator[None]:
    """In the block a DivergedError becomes a FloatingPointError that names the epoch and the remedy. split: what was
    measured, in words with a space at their end."""
    try:
        yield
    except DivergedError as error:
        raise FloatingPointError(f"{error}, measured {split}after epoch {epoch}: {lower_rates(system)}") from error


def lower_rates(system: System) -> str:
    """The remedy for networks that diverge."""
    return f"lower {in_words(list(system.rates), 'or')}"
