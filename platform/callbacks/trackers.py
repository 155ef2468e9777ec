"""Where results go besides the run's own files: Weights & Biases, TensorBoard, Parquet. All off by default."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from sgg.common.atomic import replaced
from sgg.common.run_log import Row, read_test
from sgg.config import Study
from sgg.settings.keys import flatten

from ..study.directory import StudyDirectory, TrialRecord
from ..trial.trainable import FAILED_KEY
from .trial_status import settings_of

if TYPE_CHECKING:
    from wandb import Run

Scalars = dict[str, float]


def trackers(study: Study, directory: StudyDirectory) -> list[Callback]:
    """The callbacks that `study.base.tracking` asks for."""
    wanted = study.base.tracking
    chosen: list[Callback] = []
    if wanted.wandb != "off":
        chosen.append(WandbTracker(study, directory))
    if wanted.tensorboard:
        chosen.append(TensorBoardTracker(directory))
    if wanted.parquet:
        chosen.append(ParquetTracker(directory))
    return chosen


class Tracker(Callback):
    """Hands each epoch's figures of each trial on once, and the test figures at its end. A search that is taken up
    again hands on those of before too, for some may have been lost with its process.

    One that fails is given up, and the person told: a search does not end for it.
    """

    name: str

    def __init__(self, directory: StudyDirectory):
        self._directory = directory
        self._told: dict[str, int] = {}
        self._given_up = False

    def open(self, trial: TuneTrial) -> None:
        """A trial begins, or begins again."""

    def log(self, trial: TuneTrial, epoch: int, figures: Scalars) -> None:
        """An epoch's figures, or (after the last epoch) those of the test."""

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """A trial is over."""

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """See ray.tune.Callback."""
        self._attempt(self.open, trial)
        self._attempt(self._tell_of_before, trial)

    def on_trial_result(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any],
                        **info: Any) -> None:
        """See ray.tune.Callback."""
        self._tell(trial, result)

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """See ray.tune.Callback."""
        test = read_test(self._directory.trial(trial.trial_id))
        if test:
            self._attempt(self.log, trial, self._told.get(trial.trial_id, 0), figures_of(test))
        self._attempt(self.close, trial, FAILED_KEY in trial.last_result)

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """See ray.tune.Callback."""
        self._attempt(self.close, trial, True)

    def _tell_of_before(self, trial: TuneTrial) -> None:
        for row in TrialRecord.read(self._directory.trial(trial.trial_id)).rows():
            self._tell(trial, row)

    def _tell(self, trial: TuneTrial, row: Row) -> None:
        epoch = row.get("epoch", 0)
        if epoch > self._told.get(trial.trial_id, 0):
            self._told[trial.trial_id] = epoch
            self._attempt(self.log, trial, epoch, figures_of(row))

    def _attempt(self, step: Callable[..., None], *arguments: Any) -> None:
        if self._given_up:
            return
        try:
            step(*arguments)
        except Exception as error:  # of a service or its client: nothing that the trials need
            self._given_up = True
            reason = _without_key(" ".join(f"{type(error).__name__}: {error}".split()))[:300]
            print(f"tracking.{self.name} failed and is given up, the search goes on without it: {reason}",
                  file=sys.stderr, flush=True)


def _without_key(text: str) -> str:
    key = os.environ.get("WANDB_API_KEY")
    return text.replace(key, "(key)") if key else text


class WandbTracker(Tracker):
    """One W&B run per trial, grouped by study, figures under the names of the reference's own project.

    Online it needs `wandb login` or WANDB_API_KEY, which stay where they are: no key is written by us.
    """

    name = "wandb"

    def __init__(self, study: Study, directory: StudyDirectory):
        super().__init__(directory)
        self._study = study
        self._runs: dict[str, Run] = {}
        self._first: dict[str, int] = {}

    def open(self, trial: TuneTrial) -> None:
        """A trial begins, or begins again in the run that it has."""
        import wandb

        if trial.trial_id in self._runs:
            return
        wanted = self._study.base.tracking
        assert wanted.wandb != "off"  # else there would be no tracker
        config = flatten(self._study.trial(settings_of(trial)).model_dump(mode="json"))
        self._runs[trial.trial_id] = wandb.init(
            project=wanted.wandb_project, entity=wanted.wandb_entity, mode=wanted.wandb, id=trial.trial_id,
            name=trial.trial_id, group=self._study.base.experiment.name, config=config, dir=self._directory.path,
            resume="allow", reinit="create_new", settings=wandb.Settings(console="off", silent=True))
        self._first[trial.trial_id] = self._runs[trial.trial_id].step

    def log(self, trial: TuneTrial, epoch: int, figures: Scalars) -> None:
        """Figures by the reference's names where it has one. What a run that goes on online has already is left out."""
        if epoch >= self._first[trial.trial_id]:
            self._runs[trial.trial_id].log({reference_name(name): value for name, value in figures.items()}, step=epoch)

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """Ends the run, as failed where the trial was."""
        run = self._runs.pop(trial.trial_id, None)
        if run is not None:
            run.finish(exit_code=int(failed))


class TensorBoardTracker(Tracker):
    """Event files under tensorboard/<trial>: `tensorboard --logdir <output>/<name>/tensorboard`."""

    name = "tensorboard"

    def __init__(self, directory: StudyDirectory):
        super().__init__(directory)
        self._writers: dict[str, Any] = {}

    def open(self, trial: TuneTrial) -> None:
        """A trial begins, or begins again."""
        from tensorboardX import SummaryWriter

        if trial.trial_id not in self._writers:
            folder = self._directory.path / "tensorboard" / trial.trial_id
            # What was written before is told anew, since the end of it may be missing.
            self._writers[trial.trial_id] = SummaryWriter(str(folder), flush_secs=10, purge_step=0)

    def log(self, trial: TuneTrial, epoch: int, figures: Scalars) -> None:
        """One scalar per figure, at its epoch; TensorBoard shows ngR@100 as ngR_100."""
        for name, value in figures.items():
            self._writers[trial.trial_id].add_scalar(name, value, epoch)

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """Writes what is left."""
        writer = self._writers.pop(trial.trial_id, None)
        if writer is not None:
            writer.close()


class ParquetTracker(Tracker):
    """Every epoch of every trial as one table, epochs.parquet and epochs.csv, written anew whenever a trial ends."""

    name = "parquet"

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """Writes the table."""
        write_epochs(self._directory)


def write_epochs(directory: StudyDirectory) -> Path:
    """Write epochs.parquet and epochs.csv: a row per trial and epoch, searched settings first."""
    import pandas as pd

    rows: list[Row] = [{"trial": record.name, **record.values, **row}
                       for record in directory.records() for row in TrialRecord.rows(record)]
    frame = pd.DataFrame(rows)
    target = directory.path / "epochs.parquet"
    for path, write in ((target, frame.to_parquet), (target.with_suffix(".csv"), frame.to_csv)):
        with replaced(path) as passing:
            write(passing, index=False)
    return target


def figures_of(row: Row) -> Scalars:
    """The plain numbers of a row that are results of training or evaluation; without those of which there is none."""
    return {name: value for name, value in row.items() if type(value) in (int, float) and not math.isnan(value)
            and (name in ("loss", "time") or name.startswith(("loss/", "val/", "test/")))}


_RECALL = re.compile(r"(?P<unconstrained>ng-?)?(?P<kind>m?R@\d+)$")
_TRIPLET = re.compile(r"triplet-(?P<what>R@\d+|rank-(?:mean|median|class-median))(?P<weighted>-weighted)?$")
_RANKS = {"rank-mean": "meanrank", "rank-median": "medianrank", "rank-class-median": "medianrankclass"}


def reference_name(name: str) -> str:
    """The reference's name of a figure: `test/sgcls/zs/ngR@100` is its `sgcls/test_zs_R@100_NOGC`.

    Figures that it does not have keep their names.
    """
    parts = name.split("/")
    if len(parts) != 4:
        return name
    split, mode, subset, metric = parts
    prefix = f"{mode}/{split}_{'alls' if subset == 'all' else subset}"
    if found := _RECALL.match(metric):
        return f"{prefix}_{found['kind']}_{'NOGC' if found['unconstrained'] else 'GC'}"
    if found := _TRIPLET.match(metric):
        return f"{prefix}_{_RANKS.get(found['what'], found['what'])}_triplet{'_norm' if found['weighted'] else ''}"
    return name
