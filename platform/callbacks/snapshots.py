"""When a search is noted: before it starts a trial, as one changes its state, and now and then as trials report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray import __version__ as ray_version
from ray.tune import Callback
from ray.tune.schedulers import TrialScheduler

from ..search.population import Population
from ..search.scheduler_wrapper import SchedulerWrapper
from .snapshot_store import SnapshotStore

SECONDS_BETWEEN, SHARE_OF_TIME = 1.0, 0.05
"""Of notes that only tell what trials have reported: at most so often, and in at most this share of the time."""


class SnapshotCallback(Callback):
    """Writes Tune's state to `notes`, and with it what population-based training remembers. resumed: whether Tune ought
    to have gone on from there."""

    def __init__(self, notes: SnapshotStore, resumed: bool):
        self._notes, self._resumed = notes, resumed
        self._runner: Any = None
        self._rule: TrialScheduler | None = None
        self._states: dict[str, str] = {}
        self._reports: dict[str, int] = {}
        self._next = 0.0

    def before_trials_of(self, rule: TrialScheduler) -> TrialScheduler:
        """A scheduler like `rule` that has a note taken before it says which trial is to start."""
        self._rule = rule
        return _Noted(rule, self)

    def get_state(self) -> dict[str, Any] | None:
        """What Tune writes beside its own state."""
        return self._rule.memory() if isinstance(self._rule, Population) else None

    def set_state(self, state: dict[str, Any]) -> None:
        """Tune calls this when a search is taken up again, before it adds the search's trials."""
        if isinstance(self._rule, Population):
            self._rule.remember(state)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune has handled what one trial told it."""
        if self._runner is not None:
            self.take(self._runner)

    def take(self, runner: Any) -> None:
        """Note the state of `runner`, Tune's own controller, unless it is known already.

        Raises OSError where it cannot be written, ValueError where Tune has not gone on from what was noted.
        """
        if self._resumed and not runner.resumed:
            raise ValueError(f"{self._notes.path}: Ray {ray_version} cannot read what was noted of this search; take "
                             "it up with the Ray that it was begun with, or choose another experiment.name")
        self._runner, begun, trials = runner, time.monotonic(), runner.get_trials()
        states = {trial.trial_id: trial.status for trial in trials}
        reports = {trial.trial_id: trial.last_result.get("training_iteration", 0) for trial in trials}
        if states == self._states and (reports == self._reports or begun < self._next):
            return
        runner.save_to_dir()  # several files in a folder of Tune's own
        state = Path(runner.experiment_state_path)
        session = state.stem.partition("-")[2]
        self._notes.write({file.name: file.read_bytes() for file in state.parent.glob(f"*-{session}.*")})
        self._states, self._reports, ended = states, reports, time.monotonic()
        self._next = ended + max(SECONDS_BETWEEN, (ended - begun) / SHARE_OF_TIME)


class _Noted(SchedulerWrapper):
    """Tune asks which trial is to start after it has added new ones, and before it starts any."""

    def __init__(self, rule: TrialScheduler, taker: SnapshotCallback):
        super().__init__(rule)
        self._taker = taker

    def choose_trial_to_run(self, controller: Any) -> Any:
        """The rule's choice."""
        self._taker.take(controller._tune_controller)
        return super().choose_trial_to_run(controller)
