"""Early stopping by configuration, in a search that may be interrupted at any moment.

A scheduler of Ray Tune (ASHA, the median rule), here the "rule", compares a trial's result with those of other trials
at the same epoch. `EarlyStopping` wraps a rule for two reasons:

- A trial is a repetition of a configuration: a seed and, in a search over data sets, a data set. The rule sees only the
  trials of the first repetition, whose metrics can be compared. When it stops one of them, the other repetitions of the
  same configuration stop too.
- Tune does not save the rule's memory. So each judgement is written to a file (`judgements.py`). When the search
  resumes, the rule gets the results that it had judged, without deciding again: its old decisions remain. The order of
  these results does not matter, since a rule remembers a set of results by trial and epoch. Results that it had not
  judged come from the trials themselves (`trial/trainable.py`), and the rule judges them as usual.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ray.tune.schedulers import TrialScheduler

from ..study.directory import JUDGEMENTS, StudyDirectory
from ..study.trial_record import TrialRecord
from ..trial.trainable import FAILED_KEY, OBJECTIVE, TIME, results_of
from .axis import Values
from .judgements import NOT_YET, Judgement, Judgements
from .scheduler_wrapper import SchedulerWrapper

EPOCHS_KEY = "training.epochs"


@dataclass(frozen=True)
class Past:
    """What a trial had done before its search was resumed.

    results: one for each epoch, in order, as the trial reports them to Tune. judged: the last judgement on it. stopped:
    whether it was stopped early.
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
    """Stops configurations, each with all of its repetitions, when `rule` stops the trial of the first one.

    A trial in its last epoch is never stopped, because it still has to be tested.

    first: the values of the first repetition (`repeats.py`). end: the last epoch of trials that do not set
    training.epochs. judgements: the file of judgements. past: trial id -> what the trial had done, in a search that is
    resumed.
    """

    def __init__(self, rule: TrialScheduler, first: Values, end: int, judgements: Judgements,
                 past: Mapping[str, Past] | None = None):
        super().__init__(rule)
        self._first, self._end, self._judgements, self._past = first, end, judgements, dict(past or {})
        self._stopped: set[str] = set()
        self._known: dict[str, int] = {}  # trial id -> the last epoch that was judged, or that the rule knows

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """Tune adds a trial: a new one, or one that it resumes."""
        if self._is_first(trial):
            self.rule.on_trial_add(controller, trial)
        past = self._past.pop(trial.trial_id, None)
        if past is not None:
            self._restore(controller, trial, past)

    def _restore(self, controller: Any, trial: Any, past: Past) -> None:
        """Restore the state of the rule and of Tune after the last judgement on a trial."""
        if past.stopped or past.judged.stop:
            self._stopped.add(self._configuration(trial))
        saved = (trial.last_result or {}).get(TIME, 0)  # the snapshot may be older, or of the last epoch
        replayed = [result for result in past.results if result[TIME] <= max(saved, past.judged.epoch)]
        for result in replayed:
            self._replay_result(controller, trial, result)
        if replayed:
            self._known[trial.trial_id] = replayed[-1][TIME]
        if past.judged.stop and not past.stopped:
            replayed = replayed[:-1]  # Tune stops the trial when it gets this result again
        if replayed and replayed[-1][TIME] > saved:
            trial.update_last_result(dict(replayed[-1]))

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide whether a trial continues."""
        epoch = result.get(TIME, self._end)
        if FAILED_KEY in result or epoch >= trial.config.get(EPOCHS_KEY, self._end):
            return self.CONTINUE
        stop = self._configuration(trial) in self._stopped
        if not stop and epoch <= self._known.get(trial.trial_id, 0):
            return self.CONTINUE  # this epoch was trained again, since its checkpoint was damaged
        if not stop and self._is_first(trial):
            stop = self.rule.on_trial_result(controller, trial, result) == self.STOP
        self._known[trial.trial_id] = epoch
        with suppress(OSError):  # on a full disk the next snapshot ends the search with a message
            self._judgements.add(trial.trial_id, epoch, stop)
        if stop:
            self._stopped.add(self._configuration(trial))
        return self.STOP if stop else self.CONTINUE

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended, or was stopped."""
        if self._is_first(trial):
            self._replay_result(controller, trial, result)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """A trial has failed. Other repetitions of its configuration continue."""
        if self._is_first(trial):
            self.rule.on_trial_error(controller, trial)

    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        """Tune removes a trial before its end."""
        if self._is_first(trial):
            self.rule.on_trial_remove(controller, trial)

    def _replay_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Pass the rule a result that it does not have yet, without asking for a decision."""
        epoch = result.get(TIME, 0)
        if self._is_first(trial) and OBJECTIVE in result and epoch > self._known.get(trial.trial_id, 0):
            # Of the calls that take a result, this alone returns no decision. The trial itself goes on.
            self.rule.on_trial_complete(controller, trial, result)
            self.rule.on_trial_add(controller, trial)
            self._known[trial.trial_id] = epoch

    def _is_first(self, trial: Any) -> bool:
        """Whether a trial is the first repetition of its configuration."""
        return all(trial.config[key] == value for key, value in self._first.items())

    def _configuration(self, trial: Any) -> str:
        return json.dumps({key: value for key, value in trial.config.items() if key not in self._first}, sort_keys=True)
