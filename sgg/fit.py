"""The training loop of one trial. Ray, where there is one, only calls `fit`."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sgg import build, checkpoint, parallel
from sgg.config import Config
from sgg.config.keys import flatten
from sgg.config.resume import changes
from sgg.data import Batches
from sgg.evaluate import evaluate
from sgg.history import CONFIG, TEST, History, Row, read_json
from sgg.inference import DivergedError
from sgg.naming import headline_k
from sgg.objectives import Losses
from sgg.reweighted import objective
from sgg.seeding import generator, seed_everything
from sgg.steps import Randomness
from sgg.versions import changed_versions, versions
from sgg.writing import write_json

log = logging.getLogger(__name__)

LOWER_RATES = "lower training.learning_rate or gan.learning_rate_*"


def fit(
    config: Config,
    directory: Path | str,
    on_epoch_end: Callable[[Row], None] | None = None,
    resume: bool = True,
    start_from: Path | str | None = None,
) -> Row:
    """Train one trial, validate as it goes, test at the end. Returns the last row and the test figures.

    Writes config.json, metrics.jsonl, test.json and checkpoints/ under `directory`. `on_epoch_end` gets each row once
    its checkpoint stands. With `resume` a directory that holds checkpoints is taken up after the newest that is whole;
    `on_epoch_end` first gets the rows of the epochs that are done, so that it sees every epoch, in order. `start_from`
    is a checkpoint of another trial to go on from with this config (population-based training); it serves unless the
    directory has a newer one; `on_epoch_end` then gets the rows of the epochs after it. Where several processes train
    together (`sgg/parallel.py`) each calls `fit`, and the first one writes.

    Raises FloatingPointError, naming the epoch, where F has diverged: a loss, its gradient (then naming step and
    images, too) or the scores of an evaluation are not finite. Raises ValueError where `directory` was written with
    other settings, data, pictures, word vectors or detector, or all its checkpoints are damaged.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    donor = checkpoint.open_checkpoint(start_from) if start_from is not None else None
    found, goes_on = _to_take_up(directory, resume, donor)

    ground = build.prepare(config, partial(_require_origin, found, goes_on))
    config = ground.config
    seed_everything(config.seed, "weights")
    run = build.build_run(ground)
    history = History(directory)
    done = _take_up(found, run)
    first = parallel.rank() == 0
    if first:
        write_json(directory / CONFIG, {"config": config.model_dump(mode="json"), "data": ground.data_facts(),
                                        "versions": versions()})

    rows = history.rows(up_to=done)
    report = on_epoch_end or _keep_quiet
    for row in rows:
        if donor is None or row["epoch"] > donor.epoch:
            report(row)
    batches = ground.training_batches() if done < config.training.epochs else None
    for epoch in range(done + 1, config.training.epochs + 1):
        values = train_epoch(run, config, batches, epoch)
        if is_validated(config, epoch):
            values |= measure(ground, run, "val", epoch)
        row = history.append(epoch, values) if first else {"epoch": epoch, "attempt": history.attempt, **values}
        rows.append(row)
        if first:
            _save(config, directory, run, epoch, ground, rows)
        parallel.wait_for_all()
        log.info("%s", describe(row, config))
        report(row)

    final = rows[-1] if rows else {}
    return final | _tested(ground, run, directory, done) if config.evaluation.test else final


def _keep_quiet(row: Row) -> None:
    """What is done with a row for which nobody asked."""


def _tested(ground: build.Ground, run: build.Run, directory: Path, done: int) -> Row:
    """The test figures; those on disk where all epochs were `done` before."""
    epochs = ground.config.training.epochs
    test = read_json(directory / TEST) if done >= epochs else None
    if test is None:
        test = measure(ground, run, "test", epochs)
        if parallel.rank() == 0:
            write_json(directory / TEST, test)
    return test


def train_epoch(run: build.Run, config: Config, batches: Batches, epoch: int) -> Row:
    """One pass over the training images; returns mean losses by name, their sum `loss`, and `time` in seconds; in SGDet
    also `fallbacks`, the share of images for which the detector had to lower its score threshold.

    A batch with fewer than two pairs of objects cannot train and is passed over, which the log tells. Raises ValueError
    where that is every batch.
    """
    begun = time.monotonic()
    # Whatever an epoch draws follows from its number, so that running it again gives the same.
    worker = [parallel.rank()] if parallel.num_workers() > 1 else []
    seed_everything(config.seed, "epoch", epoch, *worker)
    randomness = Randomness(*(generator(config.seed, purpose, epoch, *worker)
                              for purpose in ("pairs", "perturb", "visual")))
    run.set_rates(epoch)
    run.model.train()
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    fallbacks: list[int] = []
    images, passed_over = 0, 0
    for steps, batch in enumerate(batches.epoch(epoch), start=1):
        try:
            losses = finite(run.step(batch.to(run.device), randomness, fallbacks))
        except FloatingPointError as error:
            raise FloatingPointError(f"{error} in epoch {epoch}, step {steps}: {LOWER_RATES}; or look at the images of "
                                     f"this batch: {', '.join(batch.image_ids)}") from error
        images += len(batch)
        passed_over += not losses
        for name, value in losses.items():
            sums[name], counts[name] = sums.get(name, 0.0) + value, counts.get(name, 0) + 1
        if steps % max(1, len(batches) // 4) == 0:
            log.info("epoch %d: step %d of %d, loss %.3f", epoch, steps, len(batches), sum(losses.values()))
    if passed_over:
        log.warning("epoch %d: %d of %d batches had fewer than two pairs of objects and were passed over", epoch,
                    passed_over, len(batches))
    if passed_over and not sums:
        raise ValueError(f"no batch of epoch {epoch} has two pairs of objects: raise training.batch_size, or leave out "
                         "small images with data.min_objects")
    means = {f"loss/{name}": value / counts[name] for name, value in sums.items()}
    row = {"loss": sum(means.values()), **means, "time": time.monotonic() - begun}
    return row | (fallback_share(sum(fallbacks), images) if config.training.mode == "sgdet" else {})


def fallback_share(fallbacks: int, images: int) -> Row:
    """`fallbacks`: of the images that all processes have seen, the share for which the detector fell back."""
    fallen, seen = map(sum, zip(*parallel.gathered((fallbacks, images)), strict=True))
    return {"fallbacks": fallen / max(seen, 1)}


def finite(losses: Losses) -> dict[str, float]:
    """The losses as numbers. Raises FloatingPointError, naming those that are not finite."""
    values = {name: value.item() for name, value in losses.items()}
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise FloatingPointError(f"loss {', '.join(bad)} is not finite")
    return values


def measure(ground: build.Ground, run: build.Run, part: str, epoch: int) -> Row:
    """Every figure of a part after an epoch, named `<part>/<mode>/<subset>/<metric>`.

    Raises FloatingPointError, naming the epoch, where the model has diverged.
    """
    try:
        figures = evaluate(run.model, ground.detector, ground.evaluation_batches(part), ground.metrics(part),
                           run.device)
    except DivergedError as error:
        raise FloatingPointError(f"{error}, measured on {part} after epoch {epoch}: {LOWER_RATES}") from error
    return {f"{part}/{name}": value for name, value in figures.items()}


def is_validated(config: Config, epoch: int) -> bool:
    """After the first epoch, then after every `evaluation.every` more, and after the last: 1, 6, 11, 16, 20."""
    return (epoch - 1) % config.evaluation.every == 0 or epoch == config.training.epochs


def describe(row: Row, config: Config) -> str:
    """A row in one line for a person."""
    parts = [f"epoch {row['epoch']} of {config.training.epochs}", f"loss {row['loss']:.3f}", f"{row['time']:.0f} s"]
    for subset in ("zs", "all"):
        for mode in config.evaluation.modes:
            value = row.get(f"val/{mode}/{subset}/ngR@{headline_k(config.evaluation.ks)}")
            if value is not None:
                parts.append(f"val {mode} {subset} {100 * value:.1f} %")
    return ", ".join(parts)


def _to_take_up(directory: Path, resume: bool,
                donor: checkpoint.Checkpoint | None) -> tuple[checkpoint.Checkpoint | None, bool]:
    """The newest checkpoint that is whole, if any, and whether this trial goes on with it by its own settings."""
    found = checkpoint.latest_whole(directory) if resume else None
    if donor is not None and (found is None or donor.epoch >= found.epoch):
        found = donor
    return found, found is not None and donor is None


def _take_up(found: checkpoint.Checkpoint | None, run: build.Run) -> int:
    """Load a checkpoint; returns the number of epochs done."""
    if found is None:
        return 0
    found.load_weights(model=run.model, gan=run.gan)
    found.load_optimizers(run.optimizers)
    log.info("taken up after epoch %d from %s", found.epoch, found.path)
    if others := changed_versions(found.meta.get("versions", {}), versions()):
        log.warning("goes on with other versions (%s): figures may differ from those of a run that was not interrupted",
                    others)
    return found.epoch


def _pictures_of(found: checkpoint.Checkpoint, ground: build.Ground) -> dict[str, str]:
    """Hashes of the pictures that must be those of a checkpoint: of all parts, where as many images are measured."""
    measured = found.meta["config"]["data"].get("eval_images") == ground.config.data.eval_images
    return ground.pictures if measured else {"train": ground.pictures["train"]}


def _require_origin(found: checkpoint.Checkpoint | None, same_settings: bool, ground: build.Ground) -> None:
    """Raise ValueError where a checkpoint was made from something else. same_settings: its settings must be the same,
    too."""
    if found is None:
        return
    if same_settings:
        _refuse_other_settings(ground.config, found)
    found.require_origin(ground.data.hash, ground.detector_hash, _pictures_of(found, ground))
    if ground.config.compares_classes:
        found.require_vectors(ground.vectors)


def _refuse_other_settings(config: Config, found: checkpoint.Checkpoint) -> None:
    changed = changes(flatten(found.meta["config"]), flatten(config.model_dump(mode="json")),
                      lambda role: role.fixed_for_trial)
    if changed:
        raise ValueError("\n  ".join([f"{found.path} was written with other settings; give the run another "
                                      "experiment.name, or put back:", *changed]))


def _save(config: Config, directory: Path, run: build.Run, epoch: int, ground: build.Ground, rows: list[Row]) -> None:
    meta = {"config": config.model_dump(mode="json"), "data": ground.data_facts(), "detector": ground.detector_hash,
            "versions": versions()}
    checkpoint.save(directory, epoch, {"model": run.model, "gan": run.gan}, run.optimizers, meta)
    checkpoint.prune(directory, config.training.keep_checkpoints, _best_epoch(config, rows))


def _best_epoch(config: Config, rows: list[Row]) -> int | None:
    metric, mode = config.search.metric, config.search.mode
    scored = [(score, row["epoch"]) for row in rows
              if (score := objective(row, metric, mode, config.evaluation.pred_weight)) is not None]
    return (max if mode == "max" else min)(scored)[1] if scored else None
