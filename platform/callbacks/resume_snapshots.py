"""When snapshots of a search are written: before a trial starts, after a trial changes its state, and from time to time
while trials report."""

from __future__ import annotations

import time
from typing import Any

from ray import __version__ as ray_version
from ray.tune import Callback
from ray.tune.schedulers import TrialScheduler

from ..cluster.ray_internals import saved_state, tune_controller
from ..search.population import Population
from ..search.scheduler_wrapper import SchedulerWrapper
from .resume_snapshot_store import SnapshotStore

SECONDS_BETWEEN, FRACTION_OF_TIME = 1.0, 0.05
"""Limits for snapshots in which only reports of trials are new: the least time between two, and the largest fraction of
the time that writing them may take."""


class SnapshotCallback(Callback):
    """Writes Tune's state to `store`, and the scores of population-based training with it.

    resumed: whether Tune should have restored the newest snapshot.
    """

    def __init__(self, store: SnapshotStore, resumed: bool):
        self._store, self._resumed = store, resumed
        self._controller: Any = None
        self._scheduler: TrialScheduler | None = None
        self._states: dict[str, str] = {}
        self._reports: dict[str, int] = {}
        self._next = 0.0

    def before_trials_of(self, scheduler: TrialScheduler) -> TrialScheduler:
        """A scheduler like the given one, which writes a snapshot before it chooses the trial that starts next."""
        self._scheduler = scheduler
        return _SnapshotFirst(scheduler, self)

    def get_state(self) -> dict[str, Any] | None:
        """What Tune writes for this callback beside its own state."""
        return self._scheduler.memory() if isinstance(self._scheduler, Population) else None

    def set_state(self, state: dict[str, Any]) -> None:
        """Tune calls this when it resumes a search, before it adds the search's trials."""
        if isinstance(self._scheduler, Population):
            self._scheduler.remember(state)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune has handled one event of a trial."""
        if self._controller is not None:
            self.take(self._controller)

    def take(self, controller: Any) -> None:
        """Write a snapshot of Tune's controller, unless nothing has changed since the newest one.

        Raises OSError when it cannot be written, and ValueError when Tune has not restored the newest snapshot.
        """
        if self._resumed and not controller.resumed:
            raise ValueError(f"{self._store.path}: Ray {ray_version} cannot read this snapshot of the search; resume "
                             "the search with the version of Ray that began it, or choose another experiment.name")
        self._controller, begun, trials = controller, time.monotonic(), controller.get_trials()
        states = {trial.trial_id: trial.status for trial in trials}
        reports = {trial.trial_id: trial.last_result.get("training_iteration", 0) for trial in trials}
        if states == self._states and (reports == self._reports or begun < self._next):
            return
        self._store.write(saved_state(controller))
        self._states, self._reports, ended = states, reports, time.monotonic()
        self._next = ended + max(SECONDS_BETWEEN, (ended - begun) / FRACTION_OF_TIME)


class _SnapshotFirst(SchedulerWrapper):
    """Tune asks for the trial that starts next after it has added new trials, and before it starts any."""

    def __init__(self, rule: TrialScheduler, snapshots: SnapshotCallback):
        super().__init__(rule)
        self._snapshots = snapshots

    def choose_trial_to_run(self, controller: Any) -> Any:
        """The choice of the wrapped scheduler."""
        self._snapshots.take(tune_controller(controller))
        return super().choose_trial_to_run(controller)
