"""Early stopping by configuration, in a search that may be interrupted at any moment.

A rule of Ray Tune (ASHA, the median rule) compares a trial's result with those of other trials at the same epoch. Two
things stand between Tune and the rule here:

- A trial is a configuration and a seed. The rule sees only the trials of the first seed; the other seeds of a
  configuration stop with it.
- Tune forgets what a rule remembers when a search is interrupted. So each judgement is written down (`judgements.py`).
  When the search is taken up again, the rule gets the results that it had judged. It is asked for no decision on them:
  those decisions stand. Their order does not matter, since rules remember a set of results by trial and epoch.
  Results that it had not judged come from the trials themselves (`trial.py`), and are judged as ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ray.tune.schedulers import TrialScheduler

from ..study.directory import JUDGEMENTS, StudyDirectory, TrialRecord
from ..trial.trainable import FAILED_KEY, OBJECTIVE, TIME, results_of
from .judgements import NOT_YET, Judgement, Judgements
from .repeat_seeds import SEED_KEY
from .scheduler_wrapper import SchedulerWrapper

EPOCHS_KEY = "training.epochs"


@dataclass(frozen=True)
class Past:
    """A trial before its search was taken up again.

    results: all that it wrote, as it reports them to Tune, in order of epochs. judged: its last judgement. stopped: it
    was stopped early.
    """

    results: list[dict[str, Any]] = field(default_factory=list)
    judged: Judgement = NOT_YET
    stopped: bool = False


def past_trials(directory: StudyDirectory) -> list[tuple[TrialRecord, Past]]:
    """The trials that a study has on disk, each with what it had done.

    Raises ValueError naming a file that is damaged.
    """
    study, _ = directory.study()
    judged = Judgements(directory.path / JUDGEMENTS).last()
    return [(record, Past(results_of(record, study.trial(record.values)), judged.get(record.name, NOT_YET),
                          record.stopped_early)) for record in directory.records()]


class EarlyStopping(SchedulerWrapper):
    """Stops configurations, each with all of its seeds, as `rule` decides on trials of the first seed.

    A trial in its last epoch is left alone: its test is still to come.

    rule: judges. seed: the first. end: the last epoch of trials whose own settings do not say it. judgements: their
    file. past: trials of a search that is taken up again, by id.
    """

    def __init__(self, rule: TrialScheduler, seed: int, end: int, judgements: Judgements,
                 past: Mapping[str, Past] | None = None):
        super().__init__(rule)
        self._seed, self._end, self._judgements, self._past = seed, end, judgements, dict(past or {})
        self._stopped: set[str] = set()
        self._known: dict[str, int] = {}  # by trial id: the last epoch that was judged, or that the rule knows

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """A trial is about to wait for its turn: a new one, or one that is taken up again."""
        if self._sees(trial):
            self._rule.on_trial_add(controller, trial)
        past = self._past.pop(trial.trial_id, None)
        if past is not None:
            self._recall(controller, trial, past)

    def _recall(self, controller: Any, trial: Any, past: Past) -> None:
        """Bring the rule, and Tune, to where they were after the last judgement on a trial."""
        if past.stopped or past.judged.stop:
            self._stopped.add(_configuration(trial))
        noted = (trial.last_result or {}).get(TIME, 0)  # Tune's own note may be older, or of a last epoch
        had = [result for result in past.results if result[TIME] <= max(noted, past.judged.epoch)]
        for result in had:
            self._remind(controller, trial, result)
        if had:
            self._known[trial.trial_id] = had[-1][TIME]
        if past.judged.stop and not past.stopped:
            had = had[:-1]  # Tune has not stopped the trial yet, and does when it gets this result again
        if had and had[-1][TIME] > noted:
            trial.update_last_result(dict(had[-1]))

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether a trial goes on."""
        epoch = result.get(TIME, self._end)
        if FAILED_KEY in result or epoch >= trial.config.get(EPOCHS_KEY, self._end):
            return self.CONTINUE
        stop = _configuration(trial) in self._stopped
        if not stop and epoch <= self._known.get(trial.trial_id, 0):
            return self.CONTINUE  # trained again, since its checkpoint was damaged
        if not stop and self._sees(trial):
            stop = self._rule.on_trial_result(controller, trial, result) == self.STOP
        self._known[trial.trial_id] = epoch
        with suppress(OSError):  # where the disk is full the next note ends the search, and says so
            self._judgements.add(trial.trial_id, epoch, stop)
        if stop:
            self._stopped.add(_configuration(trial))
        return self.STOP if stop else self.CONTINUE

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended of itself, or was stopped."""
        if self._sees(trial):
            self._remind(controller, trial, result)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """A trial has failed; other seeds of its configuration go on."""
        if self._sees(trial):
            self._rule.on_trial_error(controller, trial)

    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        """A trial is taken away before its end."""
        if self._sees(trial):
            self._rule.on_trial_remove(controller, trial)

    def _remind(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Give the rule a result that it does not have yet, and ask for no decision."""
        epoch = result.get(TIME, 0)
        if self._sees(trial) and OBJECTIVE in result and epoch > self._known.get(trial.trial_id, 0):
            self._rule.on_trial_complete(controller, trial, result)  # all that Tune has for this
            self._rule.on_trial_add(controller, trial)
            self._known[trial.trial_id] = epoch

    def _sees(self, trial: Any) -> bool:
        return trial.config[SEED_KEY] == self._seed


def _configuration(trial: Any) -> str:
    return json.dumps({key: value for key, value in trial.config.items() if key != SEED_KEY}, sort_keys=True)
