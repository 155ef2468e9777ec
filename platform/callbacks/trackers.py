"""Trackers, which send results elsewhere than to the run's own files: Weights & Biases, TensorBoard, Parquet. All are
off by default.

Ray has WandbLoggerCallback and TBXLoggerCallback. They are not used, for these reasons. They log whatever a result
contains, under the result's names and with Tune's own fields, and know neither the metric names of the papers' project
nor the test results of `test.json`. When a search resumes, they do not log again what was lost with the process. An
exception in them ends the search, and WandbLoggerCallback starts one more process for each trial.
"""

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
from sgg.common.metric_names import QUALITY
from sgg.common.run_log import Row, read_test
from sgg.config import Study
from sgg.settings.keys import flatten

from ..study.directory import StudyDirectory
from ..study.trial_record import TrialRecord
from ..trial.trainable import FAILED_KEY
from .trial_status import settings_of

if TYPE_CHECKING:
    from wandb import Run

Scalars = dict[str, float]


def trackers(study: Study, directory: StudyDirectory) -> list[Callback]:
    """The trackers that `study.base.tracking` switches on."""
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
    """Logs the metrics of each epoch of each trial once, and the test metrics at the trial's end.

    A resumed search also logs the epochs from before, because some may have been lost with the process. When a tracker
    fails, a message says so, and the search continues without this tracker.
    """

    name: str

    def __init__(self, directory: StudyDirectory):
        self._directory = directory
        self._logged: dict[str, int] = {}
        self._failed = False

    def open(self, trial: TuneTrial) -> None:
        """A trial starts, or starts again."""

    def log(self, trial: TuneTrial, epoch: int, scalars: Scalars) -> None:
        """Log the metrics of an epoch or, at the last epoch, those of the test."""

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """A trial has ended."""

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """See ray.tune.Callback."""
        self._attempt(self.open, trial)
        self._attempt(self._log_new_epochs, trial)

    def on_trial_result(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any],
                        **info: Any) -> None:
        """See ray.tune.Callback."""
        self._attempt(self._log_new_epochs, trial)

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """See ray.tune.Callback."""
        self._attempt(self._log_test_and_close, trial)

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """See ray.tune.Callback."""
        self._attempt(self.close, trial, True)

    def _log_new_epochs(self, trial: TuneTrial) -> None:
        """Log the rows on disk that are not logged yet, also those of a search before it was resumed. A result of Tune
        has only a part of a row."""
        for row in TrialRecord.read(self._directory.trial(trial.trial_id)).rows():
            epoch = row.get("epoch", 0)
            if epoch > self._logged.get(trial.trial_id, 0):
                self._logged[trial.trial_id] = epoch
                self.log(trial, epoch, scalars_of(row))

    def _log_test_and_close(self, trial: TuneTrial) -> None:
        test = read_test(self._directory.trial(trial.trial_id))
        if test:
            self.log(trial, self._logged.get(trial.trial_id, 0), scalars_of(test))
        self.close(trial, FAILED_KEY in trial.last_result)

    def _attempt(self, step: Callable[..., None], *arguments: Any) -> None:
        if self._failed:
            return
        try:
            step(*arguments)
        except Exception as error:  # of a service or its client; trials do not need it
            self._failed = True
            reason = _without_key(" ".join(f"{type(error).__name__}: {error}".split()))[:300]
            print(f"tracking.{self.name} failed, and the search continues without it: {reason}",
                  file=sys.stderr, flush=True)


def _without_key(text: str) -> str:
    key = os.environ.get("WANDB_API_KEY")
    return text.replace(key, "(key)") if key else text


class WandbTracker(Tracker):
    """One W&B run per trial, grouped by study, with metrics under the names of the paper's own project.

    Mode `online` needs `wandb login` or WANDB_API_KEY. This tracker writes no key to any file.
    """

    name = "wandb"

    def __init__(self, study: Study, directory: StudyDirectory):
        super().__init__(directory)
        self._study = study
        self._runs: dict[str, Run] = {}
        self._first: dict[str, int] = {}

    def open(self, trial: TuneTrial) -> None:
        """Start the W&B run of a trial. A trial that starts again continues its run."""
        import wandb

        if trial.trial_id in self._runs:
            return
        wanted = self._study.base.tracking
        assert wanted.wandb != "off"  # otherwise `trackers` makes none
        config = flatten(self._study.trial(settings_of(trial)).model_dump(mode="json"))
        self._runs[trial.trial_id] = wandb.init(
            project=wanted.wandb_project, entity=wanted.wandb_entity, mode=wanted.wandb, id=trial.trial_id,
            name=trial.trial_id, group=self._study.base.experiment.name, config=config, dir=self._directory.path,
            resume="allow", reinit="create_new", settings=wandb.Settings(console="off", silent=True))
        self._first[trial.trial_id] = self._runs[trial.trial_id].step

    def log(self, trial: TuneTrial, epoch: int, scalars: Scalars) -> None:
        """Log metrics under the paper's names. Epochs that a resumed online run already has are left out."""
        if epoch >= self._first[trial.trial_id]:
            self._runs[trial.trial_id].log({reference_name(name): value for name, value in scalars.items()}, step=epoch)

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """End the run, as failed when the trial failed."""
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
        """A trial starts, or starts again."""
        from tensorboardX import SummaryWriter

        if trial.trial_id not in self._writers:
            folder = self._directory.path / "tensorboard" / trial.trial_id
            # Earlier epochs are logged again, since the last of them may be missing.
            self._writers[trial.trial_id] = SummaryWriter(str(folder), flush_secs=10, purge_step=0)

    def log(self, trial: TuneTrial, epoch: int, scalars: Scalars) -> None:
        """Write one scalar per metric, at its epoch. TensorBoard shows ngR@100 as ngR_100."""
        for name, value in scalars.items():
            self._writers[trial.trial_id].add_scalar(name, value, epoch)

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """Write what is buffered."""
        writer = self._writers.pop(trial.trial_id, None)
        if writer is not None:
            writer.close()


class ParquetTracker(Tracker):
    """Every epoch of every trial in one table, epochs.parquet and epochs.csv, rewritten whenever a trial ends."""

    name = "parquet"

    def close(self, trial: TuneTrial, failed: bool) -> None:
        """Write the table."""
        write_epochs(self._directory)


def write_epochs(directory: StudyDirectory) -> Path:
    """Write epochs.parquet and epochs.csv: one row per trial and epoch, with the searched settings first.

    Returns the path of epochs.parquet.
    """
    import pandas as pd

    rows: list[Row] = [{"trial": record.name, **record.values, **row}
                       for record in directory.records() for row in TrialRecord.rows(record)]
    frame = pd.DataFrame(rows)
    target = directory.path / "epochs.parquet"
    for path, write in ((target, frame.to_parquet), (target.with_suffix(".csv"), frame.to_csv)):
        with replaced(path) as passing:
            write(passing, index=False)
    return target


def scalars_of(row: Row) -> Scalars:
    """The numbers of a row that are results of training or evaluation, without NaN."""
    return {name: value for name, value in row.items() if type(value) in (int, float) and not math.isnan(value)
            and (name in ("loss", "time") or name.startswith(("loss/", "val/", "test/", QUALITY)))}


_RECALL = re.compile(r"(?P<unconstrained>ng-?)?(?P<kind>m?R@\d+)$")
_TRIPLET = re.compile(r"triplet-(?P<what>R@\d+|rank-(?:mean|median|class-median))(?P<weighted>-weighted)?$")
_RANKS = {"rank-mean": "meanrank", "rank-median": "medianrank", "rank-class-median": "medianrankclass"}


def reference_name(name: str) -> str:
    """A metric's name in the paper's own project: `test/sgcls/zs/ngR@100` is `sgcls/test_zs_R@100_NOGC` there.

    Metrics that the project does not have keep their names.
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
