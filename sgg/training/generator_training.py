"""The training of a generator that trials share: a run of its own, which neither validates nor tests."""

from __future__ import annotations

import logging

from rich.progress import track

from sgg import checkpoint
from sgg.common.atomic import write_json
from sgg.common.run_log import CONFIG, History
from sgg.systems.contract import GeneratorRun
from sgg.training.epoch import naming_epoch, train_epoch
from sgg.training.provenance import config_file, meta_of

log = logging.getLogger(__name__)


def train_generator(run: GeneratorRun) -> None:
    """Train a generator and seal it. A training that was interrupted goes on after its last whole epoch, to the same
    weights. Its folder has a row of losses for each epoch, and what the system measures of itself.

    Raises FloatingPointError where a loss, or what is measured, is not finite, and what `train_epoch` raises.
    """
    foundation, system, folder = run.foundation, run.system, run.folder
    config = foundation.experiment.config
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, config_file(foundation, system))
    found, done = checkpoint.latest_whole(folder), 0
    if found is not None:
        found.load_weights(**run.networks)
        found.load_optimizers(run.optimizers)
        done = found.epoch
        log.info("the generator's training goes on after epoch %d, from %s", done, found.path)
    history, batches = History(folder), foundation.training_batches(system.repeats(foundation.experiment))
    to_do = range(done + 1, config.training.epochs + 1)
    for epoch in track(to_do, f"generator, {config.training.epochs} epochs") if to_do else ():
        values = train_epoch(system, config, batches, epoch)
        with naming_epoch(system, epoch):
            values |= system.measure(foundation, epoch)
        history.append(epoch, values)
        checkpoint.save(folder, epoch, run.networks, run.optimizers, meta_of(foundation, system))
        checkpoint.prune(folder, 1, ())
        log.info("generator, epoch %d of %d: loss %.3f, %.0f s", epoch, config.training.epochs, values["loss"],
                 values["time"])
    run.seal(checkpoint.open_checkpoint(folder))
