"""How fast earlier runs trained on this machine, from the files that they left.

A trial counts if its settings are like those of the plan: all that decide the trained model or where it is computed are
equal, but for the searched ones, seeds, epochs, and numbers with a fraction (rates and weights), which cost no time.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgg.common.run_log import CONFIG, ROWS, TEST
from sgg.config import Config
from sgg.config.by_role import role_of
from sgg.config.loading.earlier import completed
from sgg.settings.keys import flatten

from ..study.directory import StudyDirectory
from ..study.study_file import STUDY, read_study_file
from ..study.trial_record import FINISHED, TrialRecord

EPOCHS = "training.epochs"


@dataclass(frozen=True)
class TimedTrial:
    """A trial of an earlier run. settings: by dotted key. epochs: the seconds of each. rest: its other seconds, if it
    ended in one go."""

    run: str
    settings: dict[str, Any]
    epochs: list[float]
    rest: float | None


@dataclass
class Pace:
    """Measured times. epochs: seconds of each epoch of training. rests: seconds of trials beside their epochs, that is
    of validation and test, of those that ended in one go and measured the same. runs: the folders."""

    epochs: list[float] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    @property
    def epoch(self) -> float:
        """The usual seconds of an epoch."""
        return statistics.median(self.epochs)

    @property
    def rest(self) -> float | None:
        """The usual seconds of a trial beside its epochs; None: unknown."""
        return statistics.median(self.rests) if self.rests else None


def timed_trials(config: Config, data: Collection[str] | None, machine: str) -> list[TimedTrial]:
    """The trials of earlier runs beside that of a config.

    data: the hashes of the data sets that count; None: all, for trials on data that differ in their seed alone.
    machine: this one, in words, as study.json has it.
    """
    found: list[TimedTrial] = []
    for file in sorted(config.experiment.output.glob(f"*/{STUDY}")):
        with suppress(ValueError, OSError):  # a damaged run tells nothing
            study = read_study_file(file.parent)
            if study is None or study.get("machine") != machine or \
                    not (data is None or study["data"].get("hash") in data):
                continue
            trials = [_timed(str(file.parent), record) for record in StudyDirectory(file.parent).records()]
            found += [trial for trial in trials if trial is not None]
    return found


def pace_of(config: Config, searched: Collection[str], trials: Iterable[TimedTrial]) -> Pace | None:
    """The pace of the trials that are like a config; None where there is none.

    searched: the dotted keys in which trials differ without taking another time.
    """
    now, pace = completed(flatten(config.model_dump(mode="json"))), Pace()
    for trial in trials:
        if is_alike(trial.settings, now, searched):
            pace.epochs += trial.epochs
            pace.runs += [trial.run] if trial.run not in pace.runs else []
            if trial.rest is not None and trial.settings.get(EPOCHS) == now.get(EPOCHS) and \
                    _measures_alike(trial.settings, now):
                pace.rests.append(trial.rest)
    return pace if pace.epochs else None


def _timed(run: str, record: TrialRecord) -> TimedTrial | None:
    """The times of a trial; None if it has none."""
    began, rows = record.config(), record.rows()
    times = [float(row["time"]) for row in rows if isinstance(row.get("time"), (int, float))]
    if began is None or not times:
        return None
    rest = None
    in_one_go = record.status == FINISHED and len(times) == len(rows) and all(row["attempt"] == 1 for row in rows)
    if in_one_go:
        whole = _seconds_between(record.directory / CONFIG, record.directory / TEST)
        if whole is not None and (record.directory / ROWS).is_file():
            rest = max(0.0, whole - sum(times))
    return TimedTrial(run, completed(flatten(began["config"])), times, rest)


def is_alike(then: Mapping[str, Any], now: Mapping[str, Any], searched: Collection[str]) -> bool:
    """Whether an epoch of settings `then` should take as long as one of `now`."""
    for key in {*then, *now} - {*searched, EPOCHS}:
        role = role_of(key)
        decides = role.acts == "training" or not role.exact
        rate = role.acts == "training" and isinstance(now.get(key), float)
        if decides and not rate and then.get(key) != now.get(key):
            return False
    return True


def _measures_alike(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(then.get(key) == now.get(key) for key in {*then, *now}
               if key.startswith(("evaluation.", "augmentation.")) and role_of(key).acts == "measuring")


def _seconds_between(first: Path, last: Path) -> float | None:
    """The seconds between the last changes of two files; None where one is not there."""
    if not (first.is_file() and last.is_file()):
        return None
    return last.stat().st_mtime - first.stat().st_mtime
