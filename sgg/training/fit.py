"""The training loop of one trial. Ray, where it is used, only calls `fit`."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

from sgg import checkpoint, systems
from sgg.checkpoint.meta import CheckpointMeta
from sgg.common import distributed as parallel
from sgg.common.atomic import write_json
from sgg.common.metric_names import headline_k
from sgg.common.run_log import CONFIG, History, Row, read_test, write_test
from sgg.common.seeding import seed_everything
from sgg.common.versions import code_provenance
from sgg.config import Config
from sgg.config.loading.errors import in_words
from sgg.data import Batches
from sgg.evaluate.evaluation import evaluate
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import computed_on
from sgg.methods.variants import objective, variants_of
from sgg.systems.contract import DivergedError, Draws, Foundation, System
from sgg.training.epoch_losses import EpochLosses
from sgg.training.resume import COMPUTED_ON, checkpoint_to_resume, load_checkpoint, require_origin

log = logging.getLogger(__name__)


def fit(
    config: Config,
    directory: Path | str,
    on_epoch_end: Callable[[Row], None] | None = None,
    resume: bool = True,
    start_from: Path | str | None = None,
) -> Row:
    """Train one trial, validate during training, test at the end. Return the last row and the test metrics.

    Writes config.json, metrics.jsonl, test.json and checkpoints/ under `directory`. Where several processes train
    together (`sgg/common/distributed.py`), each calls `fit` and process 0 writes.

    on_epoch_end: gets each row after its checkpoint is written. resume: continue after the newest whole checkpoint in
    `directory`, if there is one. `on_epoch_end` first gets the rows of the finished epochs, so it gets every epoch in
    order. start_from: a checkpoint of another trial from which this config continues (population-based training); a
    newer checkpoint in `directory` takes precedence. `on_epoch_end` then gets the rows of the epochs after that
    checkpoint.

    Raises FloatingPointError, naming the epoch, where F has diverged: a loss or its gradient is not finite (the error
    then names step and images, too), or the scores of an evaluation are not finite. No checkpoint is then written.
    Raises ValueError where `directory` was written with other settings, data, images, word vectors or parts, or where
    all its checkpoints are damaged.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    donor = checkpoint.open_checkpoint(start_from) if start_from is not None else None
    found, of_this_trial = checkpoint_to_resume(directory, resume, donor)

    foundation = systems.prepare(config, partial(require_origin, found, of_this_trial))
    experiment = foundation.experiment
    config = experiment.config
    seed_everything(config.seed, "weights")
    system = foundation.build()
    history = History(directory)
    done = load_checkpoint(found, system)
    is_main = parallel.rank() == 0
    if is_main:
        write_json(directory / CONFIG, {"config": config.model_dump(mode="json"), "data": foundation.provenance,
                                        **code_provenance(), COMPUTED_ON: computed_on(system.device)})

    rows = history.rows(up_to=done)
    report = on_epoch_end or _ignore_row
    for row in rows:
        if donor is None or row["epoch"] > donor.epoch:
            report(row)
    to_do = range(done + 1, config.training.epochs + 1)
    batches = experiment.training_batches(system.repeats(experiment)) if to_do else None
    for epoch in to_do:
        assert batches is not None  # there is an epoch to do
        values = train_epoch(system, config, batches, epoch)
        if is_validated(config, epoch):
            values |= evaluate_split(experiment, system, "val", epoch)
        row = history.append(epoch, values) if is_main else {"epoch": epoch, "attempt": history.attempt, **values}
        rows.append(row)
        if is_main:
            _save(foundation, directory, system, epoch, rows)
        parallel.wait_for_all()
        log.info("%s", describe(row, config))
        report(row)

    final = rows[-1] if rows else {}
    return final | _tested(experiment, system, directory, done) if config.evaluation.test else final


def _ignore_row(row: Row) -> None:
    """The `on_epoch_end` of a caller that gives none."""


def _tested(experiment: Experiment, system: System, directory: Path, done: int) -> Row:
    """The test metrics; those on disk if all epochs were `done` before."""
    epochs = experiment.config.training.epochs
    test = read_test(directory) if done >= epochs else None
    if test is None:
        test = evaluate_split(experiment, system, "test", epochs)
        if parallel.rank() == 0:
            write_test(directory, test)
    return test


def train_epoch(system: System, config: Config, batches: Batches, epoch: int) -> Row:
    """One pass over the training images.

    Returns mean losses by name, their sum `loss`, `time` in seconds, and, for each count of the system
    (`StepResult.counts`), the fraction of images that it counted, named `share/<count>`.

    A batch with fewer than two pairs of objects cannot train; it is skipped, and the log reports it. The same holds for
    a batch in parts (`training.accumulate`) where no part has two pairs. Raises ValueError where all batches are
    skipped.

    Losses are read four times an epoch, or more often (`sgg/training/epoch_losses.py`). Raises FloatingPointError that
    names step and images where a loss or a gradient was not finite in one of the steps since the last read.
    """
    begun = time.monotonic()
    # All random numbers of an epoch follow from its number, so running it again gives the same result.
    worker = [parallel.rank()] if parallel.num_workers() > 1 else []
    seed_everything(config.seed, "epoch", epoch, *worker)
    draws = Draws(config.seed, epoch, *worker)
    system.train()
    losses = EpochLosses(epoch, _lower_rates(system))
    quarter = max(1, len(batches) // 4)
    images, skipped = 0, 0
    images_of: Counter[str] = Counter()
    for step, batch in enumerate(batches.epoch(epoch), start=1):
        system.set_rates((epoch - 1) * len(batches) + step - 1, len(batches))
        try:
            result = system.training_step(batch, draws)
        except Exception as error:
            losses.read()  # where an earlier step diverged, this error is only its consequence
            if isinstance(error, FloatingPointError):
                raise losses.error(str(error), step, batch.image_ids) from error
            raise
        losses.add(step, result, batch.image_ids)
        images += len(batch)
        images_of.update(result.counts)
        skipped += not result.losses
        if step % quarter == 0 or losses.is_due:
            values = losses.read()
            if values and step % quarter == 0:
                log.info("epoch %d: step %d of %d, loss %.3f", epoch, step, len(batches), sum(values.values()))
    losses.read()
    if skipped:
        log.warning("epoch %d: %d of %d batches had no part with two pairs of objects and were skipped", epoch, skipped,
                    len(batches))
    means = {f"loss/{name}": value for name, value in losses.means().items()}
    if skipped and not means:
        raise ValueError(f"no batch of epoch {epoch} has two pairs of objects in one of its parts: raise "
                         "training.batch_size, lower training.accumulate, or leave out small images with "
                         "data.min_objects")
    row = {"loss": sum(means.values()), **means, "time": time.monotonic() - begun}
    return row | image_fractions(images_of, images)


def image_fractions(counts: Mapping[str, int], images: int) -> Row:
    """`share/<count>`: each count as a fraction of the images of all processes. counts, images: of this process."""
    of_workers = parallel.gathered((dict(counts), images))
    total = sum(images for _, images in of_workers)
    return {f"share/{name}": sum(counts.get(name, 0) for counts, _ in of_workers) / max(total, 1)
            for name in sorted({name for counts, _ in of_workers for name in counts})}


def evaluate_split(experiment: Experiment, system: System, split: str, epoch: int) -> Row:
    """All metrics of a split after an epoch, named `<split>/<mode>/<subset>/<metric>`.

    Raises FloatingPointError, naming the epoch, where the model has diverged.
    """
    try:
        values = evaluate(system, experiment.evaluation_batches(split), experiment.metrics(split),
                          adjusters=experiment.adjusters)
    except DivergedError as error:
        raise FloatingPointError(f"{error}, measured on {split} after epoch {epoch}: {_lower_rates(system)}") from error
    return {f"{split}/{name}": value for name, value in values.items()}


def _lower_rates(system: System) -> str:
    """The remedy for networks that diverge."""
    return f"lower {in_words(list(system.rates), 'or')}"


def is_validated(config: Config, epoch: int) -> bool:
    """Whether an epoch ends with a validation: the first, every `evaluation.every` epochs after it, and the last
    (1, 6, 11, 16, 20 with every 5 of 20 epochs)."""
    return (epoch - 1) % config.evaluation.every == 0 or epoch == config.training.epochs


def describe(row: Row, config: Config) -> str:
    """A row in one line for people."""
    parts = [f"epoch {row['epoch']} of {config.training.epochs}", f"loss {row['loss']:.3f}", f"{row['time']:.0f} s"]
    for subset in ("zs", "all"):
        for mode in config.evaluation.modes:
            value = row.get(f"val/{mode}/{subset}/ngR@{headline_k(config.evaluation.ks)}")
            if value is not None:
                parts.append(f"val {mode} {subset} {100 * value:.1f} %")
    return ", ".join(parts)


def _save(foundation: Foundation, directory: Path, system: System, epoch: int, rows: list[Row]) -> None:
    config = foundation.experiment.config
    meta = {"config": config.model_dump(mode="json"), "data": foundation.provenance, **foundation.parts,
            **code_provenance(), COMPUTED_ON: computed_on(system.device)}
    checkpoint.save(directory, epoch, system.networks, system.optimizers, cast(CheckpointMeta, meta))
    checkpoint.prune(directory, config.training.keep_checkpoints, _best_epoch(config, rows))


def _best_epoch(config: Config, rows: list[Row]) -> int | None:
    """The epoch of the best value of `search.metric`, the latest of equal ones; None where no epoch was measured."""
    metric, mode = config.search.metric, config.search.mode
    variants = variants_of(dict(config.evaluation))
    sign = 1 if mode == "max" else -1
    scored = [(sign * score, row["epoch"]) for row in rows
              if (score := objective(row, metric, mode, variants)) is not None]
    return max(scored)[1] if scored else None
