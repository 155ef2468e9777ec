"""A trial: what Ray Tune starts, stops and asks for results. It holds one Ray Train run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ray import tune
from ray.train import TrainingFailedError, WorkerGroupError

from sgg.common.run_log import CHECKPOINTS, History, Row, position
from sgg.config import Config
from sgg.methods.variants import objective, variants_of

from ..study.directory import FINISHED, RAY, RUNNING, StudyDirectory, TrialRecord
from ..study.paths import absolute
from .train_run import TrainRun
from .worker import work

STUDY_KEY = "study"
"""Of the parameters that Tune hands to a trial: the study's folder. All others are searched keys."""
FAILED_KEY = "failed"
"""Of a result: why the trial failed. The next step raises it."""
ENDED_KEY = "ended"
"""Of a result: the training ran to its end. (`done`, Tune's own, is also set where a scheduler stops a trial.)"""
BEFORE_KEY = "before"
"""Of a result: it was written before this process of the trial began, and Tune had not had it."""
OBJECTIVE = "objective"
"""Of a result: the searched metric at its best pred_weight, as of the last validation."""
TIME = "epoch"
"""Of a result: the unit that schedulers count in."""
MEMORY = 100 * 2**20

ADOPTED = "adopted.txt"
"""In a trial's folder: the checkpoint of another trial that it went on from."""
PINNED = 4
"""Checkpoints kept for other trials: those that these may still be told of."""


class Trial(tune.Trainable):
    """One trial of a study. Its own state is only what the worker wrote to the trial's folder.

    Tune gets every epoch once and in order, whatever died meanwhile. The worker first writes an epoch's row and its
    checkpoint, then reports the row. When a process or the whole search dies in between, Tune has not had the row, but
    training goes on after the checkpoint. So a worker that starts again first reports the rows of the epochs that are
    done (see `sgg.training.fit.fit`), and `step` passes on those that Tune has not had. The driver knows which one Tune
    had last and says it with `go_on_after`.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """What this process holds: no CPU and no GPU, which are for the worker; Ray wants it to be something."""
        return tune.PlacementGroupFactory([{"memory": float(MEMORY)}])

    def setup(self, config: dict[str, Any]) -> None:
        """Read the trial's settings. The training starts with the first step, after `go_on_after` and
        `load_checkpoint`."""
        values = dict(config)
        self._directory = StudyDirectory(Path(values.pop(STUDY_KEY)))
        self._study, self._facts = self._directory.study()
        self._config = _as_here(self._study.trial(values), self._facts)
        self._folder = self._directory.trial(self.trial_id)
        # That it was over Tune may not have noted before its search was killed and taken up again.
        record = TrialRecord.read(self._folder)
        self._over = record if record.over else None
        if self._over is None:
            TrialRecord(self._folder, values, RUNNING).write()
        self._had = (0, 0)
        self._first_attempt = 1
        self._last: dict[str, Any] = {}
        self._failed: str | None = None
        self._donor: Path | None = None
        self._run: TrainRun | None = None

    def go_on_after(self, attempt: int, epoch: int) -> None:
        """Say which row Tune has had last. The driver calls this before the first step."""
        self._had = attempt, epoch

    def _start(self) -> TrainRun:
        arguments = {"config": self._config.model_dump(mode="json"), "directory": str(self._folder),
                     "fit": self._facts["fit"], "start_from": str(self._donor) if self._donor else None,
                     "after": self._had}
        return TrainRun(work, arguments, name=self.trial_id, storage=str(self._directory.path / RAY / "train"),
                        resources=self._facts["resources"], workers=self._config.resources.num_workers,
                        max_failures=self._config.search.max_failures)

    def step(self) -> dict[str, Any]:
        """The next epoch's row that Tune has not had; the last one again, with `done`, when the training has ended.

        Raises RuntimeError when the training failed, after a result that says so.
        """
        if self._failed is not None:
            raise RuntimeError(self._failed)
        if self._over is not None:
            return self._end_of(self._over)
        try:
            row = self._next_row()
        except (TrainingFailedError, ValueError) as error:  # ValueError: what is on disk is spoilt
            self._failed = _reason(error)
            return {**self._last, FAILED_KEY: self._failed}
        if row is None:
            return {**self._last, ENDED_KEY: True, "done": True}
        self._had = position(row)
        self._last = with_objective(row, self._last, self._config)
        return {**self._last, **({BEFORE_KEY: True} if row["attempt"] < self._first_attempt else {})}

    def _next_row(self) -> Row | None:
        if self._run is None:
            self._first_attempt = History(self._folder).attempt
            self._last = self._results(TrialRecord.read(self._folder), up_to=self._had)[-1]
            if self._donor is not None and not self._checkpoints():
                self._last.pop(OBJECTIVE, None)  # of a model that this trial gives up for the donor's
            self._run = self._start()
        row = self._run.next_report()
        while row is not None and position(row) <= self._had:  # again, by a worker in place of one that died
            row = self._run.next_report()
        return row

    def _end_of(self, record: TrialRecord) -> dict[str, Any]:
        """The last result of a trial that is over: of the last epoch, or of the one at which it was stopped."""
        if record.status == FINISHED:
            return {**self._results(record)[-1], ENDED_KEY: True, "done": True}
        return {**self._results(record, up_to=self._had if any(self._had) else None)[-1], "done": True}

    def _results(self, record: TrialRecord, up_to: tuple[int, int] | None = None) -> list[Row]:
        """An empty result and those on disk, without rows that were written after the one at `up_to`."""
        return [{}, *(result for result in results_of(record, self._config)
                      if up_to is None or position(result) <= up_to)]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Become another trial in the same process."""
        self.halt()
        self.setup(new_config)
        return True

    def halt(self) -> None:
        """End the training and give its resources back."""
        if self._run is not None:
            self._run.stop()
            self._run = None

    def cleanup(self) -> None:
        """Called by Tune when the trial is over."""
        self.halt()

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """A pointer to the newest checkpoint, for population-based training."""
        whole = self._checkpoints()
        return {"checkpoint": str(_pin(whole[-1])) if whole else None}

    def _checkpoints(self) -> list[Path]:
        return sorted((self._folder / CHECKPOINTS).glob("epoch_*"))

    def load_checkpoint(self, pointer: dict[str, Any] | None) -> None:
        """Go on from another trial's checkpoint, or from this trial's own."""
        donor = Path(pointer["checkpoint"]) if pointer and pointer["checkpoint"] else None
        if donor is None or self._folder in donor.parents or not donor.is_dir():
            return
        adopted = self._folder / ADOPTED
        # A trial that is restored is given the donor again, and has gone on from it since.
        if not adopted.is_file() or adopted.read_text() != str(donor):
            # What this trial had learned is given up; a checkpoint of its own would take precedence.
            shutil.rmtree(self._folder / CHECKPOINTS, ignore_errors=True)
            adopted.write_text(str(donor))
        self._donor = donor


def with_objective(row: Row, last: Row, config: Config) -> Row:
    """An epoch's row with the searched metric, that of the `last` row where this epoch was not validated."""
    search = config.search
    score = objective(row, search.metric, search.mode, variants_of(dict(config.evaluation)))
    known = last.get(OBJECTIVE) if score is None else score
    return dict(row) if known is None else {**row, OBJECTIVE: known}


def results_of(record: TrialRecord, config: Config) -> list[Row]:
    """What a trial has reported to Tune, from what it wrote."""
    results: list[Row] = []
    for row in record.rows():
        results.append(with_objective(row, results[-1] if results else {}, config))
    return results


def _as_here(config: Config, facts: dict[str, Any]) -> Config:
    """The settings with paths that this process finds: one of a cluster does not run where the search was started."""
    start = facts.get("paths_from")
    return config if start is None else absolute(config, start)


def _pin(path: Path) -> Path:
    """Link a checkpoint to where it is not pruned while another trial still reads it."""
    written = (path / "meta.json").stat().st_mtime_ns  # an epoch may be run again, from another donor
    pinned = path.parent.parent / "pinned" / f"{path.name}-{written}"
    if not pinned.exists():
        temporary = pinned.with_name(f".{pinned.name}.{os.getpid()}")
        shutil.copytree(path, temporary, copy_function=os.link)
        os.replace(temporary, pinned)
    for old in sorted(pinned.parent.iterdir(), key=lambda entry: entry.stat().st_mtime_ns)[:-PINNED]:
        shutil.rmtree(old, ignore_errors=True)
    return pinned


def _reason(error: Exception) -> str:
    """The fault in one line."""
    failures = error.worker_failures.values() if isinstance(error, WorkerGroupError) else [error]
    return " ".join("; ".join(str(failure) for failure in failures).split())[:500]
