"""Records the status of each trial, and frees what a trial held when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from sgg.common.run_log import position

from ..cluster.ray_internals import actor_of, remove_placement_groups_of
from ..search.repeats import SEED_KEY
from ..study.directory import StudyDirectory
from ..study.trial_record import FAILED, FINISHED, STOPPED, TrialRecord
from ..trial.trainable import ENDED_KEY, FAILED_KEY, STUDY_KEY


@dataclass
class _Span:
    """The time from a trial's start to its last result or its end.

    earlier: seconds that the trial ran before it was paused. Population-based training pauses a trial after a result,
    and starts it again later.
    """

    earlier: float
    began: float
    last: float

    @classmethod
    def after(cls, earlier: float) -> _Span:
        """A span that begins now."""
        now = time.monotonic()
        return cls(earlier, now, now)

    @property
    def seconds(self) -> float:
        """How long the trial has run, without pauses."""
        return self.earlier + self.last - self.began


class TrialStatusCallback(Callback):
    """Keeps trial.json of every trial up to date, and frees what a trial held, however it ended.

    max_failures: how often Tune starts a trial again after its process died.
    """

    def __init__(self, directory: StudyDirectory, max_failures: int):
        self._directory, self._max_failures = directory, max_failures
        self._actors: dict[str, Any] = {}
        self._spans: dict[str, _Span] = {}

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """Tune has started the trial's process and has not asked for a result yet."""
        trial.max_failures = self._max_failures
        paused = self._spans.get(trial.trial_id)
        self._spans[trial.trial_id] = _Span.after(0 if paused is None else paused.seconds)
        actor = self._actors[trial.trial_id] = actor_of(trial)
        actor.resume_after.remote(*position(trial.last_result or {}))

    def on_trial_result(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any],
                        **info: Any) -> None:
        """A trial reported an epoch or a failure."""
        if (span := self._spans.get(trial.trial_id)) is not None:
            span.last = time.monotonic()
        if FAILED_KEY in result:
            # An exception would be raised again; only a lost process is worth another try.
            trial.max_failures = 0

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial ran to its end, or was stopped early."""
        failure = trial.last_result.get(FAILED_KEY)
        ended = trial.last_result.get(ENDED_KEY, False)
        self._write(trial, FAILED if failure else FINISHED if ended else STOPPED, failure or "")
        actor = self._actors.get(trial.trial_id)
        if actor is not None and not ended:
            # Tune may keep the process for the next trial; the training must not continue meanwhile.
            actor.halt.remote()

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial failed and Tune does not start it again."""
        self._write(trial, FAILED, trial.last_result.get(FAILED_KEY) or "its process died too often")
        self._release(trial)

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial lost its process, and Tune starts it again."""
        record = TrialRecord.read(self._directory.trial(trial.trial_id))
        record.seconds = self._seconds(trial, record)
        record.write()
        self._release(trial)

    def _write(self, trial: TuneTrial, status: str, reason: str) -> None:
        values = {key: value for key, value in trial.config.items() if key != STUDY_KEY}
        folder = self._directory.trial(trial.trial_id)
        TrialRecord(folder, values, status, reason, self._seconds(trial, TrialRecord.read(folder))).write()

    def _seconds(self, trial: TuneTrial, before: TrialRecord) -> float | None:
        """How long the trial has run: in this attempt, and in those of which its record says it."""
        span = self._spans.pop(trial.trial_id, None)
        if span is None:
            return before.seconds
        span.last = time.monotonic()
        return (before.seconds or 0) + span.seconds

    def _release(self, trial: TuneTrial) -> None:
        actor = self._actors.pop(trial.trial_id, None)
        if actor is not None:
            remove_placement_groups_of(actor)


def settings_of(trial: TuneTrial) -> dict[str, Any]:
    """The searched settings of a trial, by dotted key; the seed is the last one."""
    values = {key: value for key, value in trial.config.items() if key not in (STUDY_KEY, SEED_KEY)}
    return {**values, **({SEED_KEY: trial.config[SEED_KEY]} if SEED_KEY in trial.config else {})}
