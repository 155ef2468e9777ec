"""A trial: Ray Tune starts it, asks it for results and stops it. It has one Ray Train run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray import tune
from ray.train import TrainingFailedError, WorkerGroupError

from sgg.checkpoint.paths import finished_epochs, remove_all, unfinished_epochs
from sgg.common.atomic import replaced
from sgg.common.run_log import History, Row, position
from sgg.config import Config
from sgg.methods.variants import objective, variants_of

from ..study.directory import RAY, StudyDirectory
from ..study.paths import absolute
from ..study.study_file import StudyMetadata
from ..study.trial_record import FINISHED, RUNNING, TrialRecord
from .pins import ADOPTED, pin
from .reported import reported
from .train_run import TrainRun
from .worker import work

STUDY_KEY = "study"
"""The parameter that has the study's folder. All other parameters that Tune passes to a trial are searched keys."""
FAILED_KEY = "failed"
"""In a result: why the trial failed. The next step raises an error with it."""
ENDED_KEY = "ended"
"""In a result: the training ran to its end. (Tune's own `done` is also true when a scheduler stopped the trial.)"""
BEFORE_KEY = "before"
"""In a result: an earlier process of the trial wrote it, and Tune has not received it before."""
OBJECTIVES = ("objective", "objective_2")
"""In a result: the searched metrics, one or two, each at its best adjustment, from the last validation."""
OBJECTIVE = OBJECTIVES[0]
"""The first of them, by which schedulers compare trials."""
TIME = "epoch"
"""In a result: the unit in which schedulers count."""
MEMORY = 100 * 2**20


class Trial(tune.Trainable):
    """One trial of a study. Its state is only what the worker wrote to the trial's folder.

    Tune gets every epoch once and in order, even if processes die meanwhile. The worker first writes an epoch's row and
    its checkpoint, and then reports the row. When a process or the whole search dies in between, Tune has not received
    the row, but training resumes after the checkpoint. So a worker that starts again first reports the rows of the
    epochs that are done (see `sgg.training.fit.fit`), and `step` returns those that Tune has not received. The driver
    knows which row Tune received last, and passes it to `resume_after`.
    """

    _run: TrainRun | None = None
    """The workers of this process. Several trials may use them, one after another."""

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """What this process holds: some memory, since Ray requires something. CPUs and GPUs are for the worker."""
        return tune.PlacementGroupFactory([{"memory": float(MEMORY)}])

    def setup(self, config: dict[str, Any]) -> None:
        """Read the trial's settings. The training starts with the first step, after `resume_after` and
        `load_checkpoint`."""
        values = dict(config)
        self._directory = StudyDirectory(Path(values.pop(STUDY_KEY)))
        self._study, self._metadata = self._directory.study()
        self._config = _as_here(self._study.trial(values), self._metadata)
        self._folder = self._directory.trial(self.trial_id)
        # A search may be killed before a snapshot says that this trial is over, and resumed.
        record = TrialRecord.read(self._folder)
        self._over = record if record.over else None
        if self._over is None:
            TrialRecord(self._folder, values, RUNNING, seconds=record.seconds).write()
        self._received = (0, 0)
        self._first_attempt = 1
        self._last: dict[str, Any] = {}
        self._failed: str | None = None
        self._donor: Path | None = None
        self._missing: Path | None = None
        self._begun = False

    def resume_after(self, attempt: int, epoch: int) -> None:
        """Set the row that Tune received last. The driver calls this before the first step."""
        self._received = attempt, epoch

    def _begin(self) -> None:
        """Begin the training, with the workers of the trial before where these are free."""
        arguments = {"config": self._config.model_dump(mode="json"), "directory": str(self._folder),
                     "fit": self._metadata["fit"], "start_from": str(self._donor) if self._donor else None,
                     "after": self._received}
        if self._run is None:
            self._run = TrainRun(work, name=self.trial_id, storage=str(self._directory.path / RAY / "train"),
                                 resources=self._metadata["resources"], workers=self._config.resources.num_workers,
                                 max_failures=self._config.search.max_failures)
        self._run.begin(arguments)
        self._begun = True

    def step(self) -> dict[str, Any]:
        """The next epoch's row that Tune has not received; when the training has ended, the last row with `done`.

        When the training failed, one result has the reason under `FAILED_KEY`, and the next step raises RuntimeError.
        """
        if self._failed is not None:
            raise RuntimeError(self._failed)
        if self._over is not None:
            return self._end_of(self._over)
        try:
            row = self._next_row()
        except (TrainingFailedError, ValueError) as error:  # ValueError: a file on disk is damaged or missing
            self._failed = _reason(error)
            return {**self._last, FAILED_KEY: self._failed}
        if row is None:
            return {**self._last, ENDED_KEY: True, "done": True}
        self._received = position(row)
        self._last = with_objective(row, self._last, self._config)
        return {**self._last, **({BEFORE_KEY: True} if row["attempt"] < self._first_attempt else {})}

    def _next_row(self) -> Row | None:
        if not self._begun:
            self._first_attempt = History(self._folder).attempt
            self._last = self._results(TrialRecord.read(self._folder), up_to=self._received)[-1]
            if self._missing is not None:
                raise ValueError(f"trial {self.trial_id} continues from {self._missing}, a checkpoint of another trial,"
                                 " which is missing: put it back and continue the search with --resume, or begin the "
                                 "search again under another experiment.name")
            if self._donor is not None and not finished_epochs(self._folder):
                for name in OBJECTIVES:
                    self._last.pop(name, None)  # it belongs to a model that the donor's replaces
            self._begin()
        assert self._run is not None  # since the training has begun
        row = self._run.next_report()
        while row is not None and position(row) <= self._received:  # again, by the worker that replaced a dead one
            row = self._run.next_report()
        return row

    def _end_of(self, record: TrialRecord) -> dict[str, Any]:
        """The last result of a trial that is over: of the last epoch, or of the epoch at which it was stopped."""
        if record.status == FINISHED:
            return {**self._results(record)[-1], ENDED_KEY: True, "done": True}
        return {**self._results(record, up_to=self._received if any(self._received) else None)[-1], "done": True}

    def _results(self, record: TrialRecord, up_to: tuple[int, int] | None = None) -> list[Row]:
        """An empty result, and then the results on disk up to the position `up_to`."""
        return [{}, *(result for result in results_of(record, self._config)
                      if up_to is None or position(result) <= up_to)]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Become another trial in the same process. Tune calls this. Workers that have done their job stay."""
        if self._run is not None and not self._run.is_free:
            self.halt()
        self.setup(new_config)
        return True

    def halt(self) -> None:
        """End the training and release its resources."""
        if self._run is not None:
            self._run.stop()
            self._run = None

    def cleanup(self) -> None:
        """Tune calls this when the trial is over."""
        self.halt()

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """A pointer to a copy of the newest checkpoint, for population-based training."""
        pinned = pin(self._folder)
        return {"checkpoint": None if pinned is None else str(pinned)}

    def load_checkpoint(self, pointer: dict[str, Any] | None) -> None:
        """Continue from another trial's checkpoint, or from this trial's own. Where the other one is missing, the first
        step says that the training failed: of an error here, Tune would tell nobody the reason."""
        donor = Path(pointer["checkpoint"]) if pointer and pointer["checkpoint"] else None
        if donor is None or self._folder in donor.parents:
            return
        adopted = self._folder / ADOPTED
        # Tune passes the same donor again when it restores a trial, which has trained on since.
        again = adopted.is_file() and adopted.read_text() == str(donor)
        if donor.is_dir():
            if not again:
                # The trial's own checkpoints go: training would resume from them, not from the donor.
                remove_all(self._folder)
                with replaced(adopted) as temporary:
                    temporary.write_text(str(donor))
            self._donor = donor
        elif not again or not (finished_epochs(self._folder) or unfinished_epochs(self._folder)):
            self._missing = donor


def with_objective(row: Row, last: Row, config: Config) -> Row:
    """An epoch's row with the searched metrics; those of the `last` row where this epoch was not validated."""
    variants, found = variants_of(dict(config.evaluation)), dict(row)
    for name, (metric, mode) in zip(OBJECTIVES, config.search.objectives, strict=False):  # one or two
        score = objective(row, metric, mode, variants)
        known = last.get(name) if score is None else score
        if known is not None:
            found[name] = known
    return found


def results_of(record: TrialRecord, config: Config) -> list[Row]:
    """The results that a trial has reported to Tune, from the rows on disk."""
    results: list[Row] = []
    for row in record.rows():
        results.append(with_objective(reported(row, config), results[-1] if results else {}, config))
    return results


def _as_here(config: Config, metadata: StudyMetadata) -> Config:
    """The settings with paths that this process can use: on a cluster it runs in another folder than the command."""
    start = metadata.get("paths_from")
    return config if start is None else absolute(config, start)


def _reason(error: Exception) -> str:
    """The reason in one line of at most 500 characters."""
    failures = error.worker_failures.values() if isinstance(error, WorkerGroupError) else [error]
    return " ".join("; ".join(str(failure) for failure in failures).split())[:500]
