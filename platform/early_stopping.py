"""Early stopping that sees configurations, while trials are a configuration and a seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ray.tune.schedulers import TrialScheduler

from .delegate import Delegate
from .seeds import SEED_KEY
from .trial import FAILED_KEY, TIME

EPOCHS_KEY = "training.epochs"


@dataclass(frozen=True)
class Past:
    """What a trial had done before its search was taken up again. results: what it wrote, as it would report it. over:
    nothing is left to do. stopped: early."""

    results: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False
    stopped: bool = False

    def reported(self, last: dict[str, Any]) -> list[dict[str, Any]]:
        """The results that Tune has heard of, whose `last` is noted, or will not ask for: a rule that took a result for
        judged which it was never asked about would spare the trial."""
        return self.results if self.over else [row for row in self.results if row[TIME] <= last.get(TIME, 0)]


class EarlyStopping(Delegate):
    """Early stopping by configuration: another scheduler sees the first seed's trials, the other seeds follow.

    Were every trial judged alone, seeds of one configuration would be stopped at different times, and its mean would
    be of those that did well. A trial in its last epoch is left alone, since its test is still to come.

    rule: judges. seed: the first. end: the last epoch of trials whose own settings do not say it. past: by trial id,
    what the rule is told again when the trial is added; Tune keeps no scheduler's memory.
    """

    def __init__(self, rule: TrialScheduler, seed: int, end: int, past: Mapping[str, Past] | None = None):
        super().__init__(rule)
        self._seed, self._end, self._past = seed, end, dict(past or {})
        self._stopped: set[str] = set()

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether a trial goes on."""
        if FAILED_KEY in result or result.get(TIME, self._end) >= trial.config.get(EPOCHS_KEY, self._end):
            return self.CONTINUE
        if self._judged(trial) and self._rule.on_trial_result(controller, trial, result) == self.STOP:
            self._stopped.add(_configuration(trial))
        return self.STOP if _configuration(trial) in self._stopped else self.CONTINUE

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """A trial is about to wait for its turn."""
        past = self._past.pop(trial.trial_id, Past())
        if past.stopped:
            self._stopped.add(_configuration(trial))
        if self._judged(trial):
            self._rule.on_trial_add(controller, trial)
            for result in past.reported(trial.last_result or {}):  # as of a trial that is over: asks for no decision
                self._rule.on_trial_complete(controller, trial, result)
                self._rule.on_trial_add(controller, trial)

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended of itself."""
        if self._judged(trial):
            self._rule.on_trial_complete(controller, trial, result)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """A trial has failed; other seeds of its configuration go on."""
        if self._judged(trial):
            self._rule.on_trial_error(controller, trial)

    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        """A trial is taken away before its end."""
        if self._judged(trial):
            self._rule.on_trial_remove(controller, trial)

    def _judged(self, trial: Any) -> bool:
        return trial.config[SEED_KEY] == self._seed


def _configuration(trial: Any) -> str:
    return json.dumps({key: value for key, value in trial.config.items() if key != SEED_KEY}, sort_keys=True)
