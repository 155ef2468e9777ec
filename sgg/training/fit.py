"""The training loop of one trial. Ray, where it is used, only calls `fit`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sgg import checkpoint
from sgg.common import distributed as parallel
from sgg.common.atomic import write_json
from sgg.common.metric_names import headline_k
from sgg.common.run_log import CONFIG, PARTS_FOLDER, History, Row, read_test, write_test
from sgg.common.seeding import seed_everything
from sgg.config import Config
from sgg.evaluate.evaluation import evaluate
from sgg.experiment.validation import is_validated
from sgg.methods.variants import objective, variants_of
from sgg.systems.contract import Foundation, System
from sgg.training.epoch import naming_epoch, train_epoch
from sgg.training.evaluation_files import EvaluationFiles
from sgg.training.preparation import prepare
from sgg.training.provenance import config_file, meta_of
from sgg.training.resume import checkpoint_to_resume, load_checkpoint, require_origin

log = logging.getLogger(__name__)


def fit(
    config: Config,
    directory: Path | str,
    on_epoch_end: Callable[[Row], None] | None = None,
    resume: bool = True,
    start_from: Path | str | None = None,
    make_maps: bool = True,
) -> Row:
    """Train one trial, validate during training, test at the end. Return the last row and the test metrics.

    Writes config.json, metrics.jsonl, predicates.json, test.json, zero_shot.json, parts/ and checkpoints/ under
    `directory`. Where several processes train together (`sgg/common/distributed.py`), each calls `fit` and process 0
    writes.

    on_epoch_end: gets each row after its checkpoint is written. resume: continue after the newest whole checkpoint in
    `directory`, if there is one. `on_epoch_end` first gets the rows of the finished epochs, so it gets every epoch in
    order. start_from: a checkpoint of another trial from which this config continues (population-based training); a
    newer checkpoint in `directory` takes precedence. `on_epoch_end` then gets the rows of the epochs after that
    checkpoint. make_maps: whether maps of the detector are stored now, where `features.maps` asks for that; False:
    another process has decided on that.

    Raises FloatingPointError, naming the epoch, where F has diverged: a loss or its gradient is not finite (the error
    then names step and images, too), or the scores of an evaluation, or what is measured of a generator, are not
    finite. No checkpoint is then written.
    Raises ValueError where `directory` was written with other settings, data, images, word vectors or parts, or where
    all its checkpoints are damaged.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    donor = checkpoint.open_checkpoint(start_from) if start_from is not None else None
    found, of_this_trial = checkpoint_to_resume(directory, resume, donor)

    foundation = prepare(config, partial(require_origin, found, of_this_trial), make_maps=make_maps)
    experiment = foundation.experiment
    config = experiment.config
    seed_everything(config.seed, "weights")
    system = foundation.build()
    history = History(directory)
    done, begun = load_checkpoint(found, system)
    is_main = parallel.rank() == 0
    if is_main:
        write_json(directory / CONFIG, config_file(foundation, system))
        foundation.write_parts(directory / PARTS_FOLDER)

    rows = history.rows(up_to=done)
    report = on_epoch_end or _ignore_row
    for row in rows:
        if donor is None or row["epoch"] > donor.epoch:
            report(row)
    to_do = range(done + 1, config.training.epochs + 1)
    batches = foundation.training_batches(system.repeats(experiment)) if to_do else None
    for epoch in to_do:
        assert batches is not None  # there is an epoch to do
        values = train_epoch(system, config, batches, epoch, begun if epoch == done + 1 else None,
                             partial(_save_within, foundation, directory, system, epoch))
        if is_validated(config, epoch):
            values |= evaluate_split(foundation, system, "val", epoch, directory)
        with naming_epoch(system, epoch):
            values |= system.measure(foundation, epoch)
        row = history.append(epoch, values) if is_main else {"epoch": epoch, "attempt": history.attempt, **values}
        rows.append(row)
        if is_main:
            _save(foundation, directory, system, epoch)
            checkpoint.prune(directory, config.training.keep_checkpoints, _best_epochs(config, rows))
        parallel.wait_for_all()
        log.info("%s", describe(row, config))
        report(row)

    if is_main:
        checkpoint.remove_superseded(directory)  # a kill may have prevented it after the last epoch
    final = rows[-1] if rows else {}
    return final | _tested(foundation, system, directory, done) if config.evaluation.test else final


def _ignore_row(row: Row) -> None:
    """The `on_epoch_end` of a caller that gives none."""


def _tested(foundation: Foundation, system: System, directory: Path, done: int) -> Row:
    """The test metrics; those on disk if all epochs were `done` before."""
    epochs = foundation.experiment.config.training.epochs
    test = read_test(directory) if done >= epochs else None
    if test is None:
        test = evaluate_split(foundation, system, "test", epochs, directory)
        if parallel.rank() == 0:
            write_test(directory, test)
    return test


def evaluate_split(foundation: Foundation, system: System, split: str, epoch: int,
                   directory: Path | None = None) -> Row:
    """All metrics of a split after an epoch, named `<split>/<mode>/<subset>/<metric>`.

    directory: where process 0 writes what the report shows beside metrics (`EvaluationFiles`); None: nowhere.

    Raises FloatingPointError, naming the epoch, where the model has diverged.
    """
    experiment = foundation.experiment
    metrics = experiment.metrics(split)
    files = EvaluationFiles(experiment, metrics, split, epoch) if directory is not None else None
    with naming_epoch(system, epoch, f"on {split} "):
        values = evaluate(system, foundation.evaluation_batches(split), metrics, adjusters=experiment.adjusters)
    if directory is not None and files is not None:
        files.write(directory, values)
    return {f"{split}/{name}": value for name, value in values.items()}


def describe(row: Row, config: Config) -> str:
    """A row in one line for people."""
    parts = [f"epoch {row['epoch']} of {config.training.epochs}", f"loss {row['loss']:.3f}", f"{row['time']:.0f} s"]
    for subset in ("zs", "all"):
        for mode in config.evaluation.modes:
            value = row.get(f"val/{mode}/{subset}/ngR@{headline_k(config.evaluation.ks)}")
            if value is not None:
                parts.append(f"val {mode} {subset} {100 * value:.1f} %")
    images = row.get(f"val/{config.evaluation.modes[0]}/all/num_images")
    if images is not None and config.evaluation.val_images is not None:
        parts.append(f"val of {images:,} images")
    return ", ".join(parts)


def _save_within(foundation: Foundation, directory: Path, system: System, epoch: int,
                 state: checkpoint.PartialEpoch) -> None:
    """Write the checkpoint of an unfinished `epoch`; every process calls this."""
    if parallel.rank() == 0:
        _save(foundation, directory, system, epoch - 1, state)
    parallel.wait_for_all()


def _save(foundation: Foundation, directory: Path, system: System, epoch: int,
          state: checkpoint.PartialEpoch | None = None) -> None:
    """Write the checkpoint after `epoch` epochs, and the `state` of the next one, if it has begun."""
    checkpoint.save(directory, epoch, system.networks, system.optimizers, meta_of(foundation, system), state)


def _best_epochs(config: Config, rows: list[Row]) -> set[int]:
    """For each searched metric the epoch of its best value, the latest of equal ones, where an epoch was measured."""
    variants = variants_of(dict(config.evaluation))
    best = set()
    for metric, mode in config.search.objectives:
        sign = 1 if mode == "max" else -1
        scored = [(sign * score, row["epoch"]) for row in rows
                  if (score := objective(row, metric, mode, variants)) is not None]
        best |= {max(scored)[1]} if scored else set()
    return best
