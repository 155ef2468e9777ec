"""How fast earlier runs trained on this machine, from the files that they left.

A run counts if its settings are like those of the plan: all that decide the trained model or where it is computed are
equal, but for the searched ones, seeds, epochs, and numbers with a fraction (rates and weights), which cost no time.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgg.common.run_log import CONFIG, ROWS, TEST
from sgg.config import Config
from sgg.config.by_role import reference, role_of
from sgg.config.loading.searched_entries import current_settings
from sgg.config.setting import Naming
from sgg.settings.keys import flatten

from ..study.directory import FINISHED, StudyDirectory, TrialRecord
from ..study.study_file import STUDY, read_study_file

EPOCHS = "training.epochs"


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


def pace_of(config: Config, searched: Collection[str], data: Collection[str], machine: str) -> Pace | None:
    """The pace of earlier runs beside that of a config; None where there is none like it.

    searched: the dotted keys in which trials differ. data: the hashes of their data. machine: this one, in words, as
    study.json has it.
    """
    now, pace = flatten(config.model_dump(mode="json")), Pace()
    for file in sorted(config.experiment.output.glob(f"*/{STUDY}")):
        with suppress(ValueError, OSError):  # a damaged run tells nothing
            found = read_study_file(file.parent)
            if found is None or found.get("machine") != machine or found["data"].get("hash") not in data:
                continue
            before = len(pace.epochs)
            for record in StudyDirectory(file.parent).records():
                _add(pace, record, now, searched)
            if len(pace.epochs) > before:
                pace.runs.append(str(file.parent))
    return pace if pace.epochs else None


def _add(pace: Pace, record: TrialRecord, now: Mapping[str, Any], searched: Collection[str]) -> None:
    """Add the times of a trial if it is like the config `now`."""
    began = record.config()
    if began is None:
        return
    then = current_settings(flatten(began["config"]))
    if not is_alike(then, now, searched):
        return
    rows = record.rows()
    times = [float(row["time"]) for row in rows if isinstance(row.get("time"), (int, float))]
    pace.epochs += times
    in_one_go = record.status == FINISHED and len(times) == len(rows) and all(row["attempt"] == 1 for row in rows)
    if in_one_go and then.get(EPOCHS) == now.get(EPOCHS) and _measures_alike(then, now):
        whole = _seconds_between(record.directory / CONFIG, record.directory / TEST)
        if whole is not None and (record.directory / ROWS).is_file():
            pace.rests.append(max(0.0, whole - sum(times)))


def is_alike(then: Mapping[str, Any], now: Mapping[str, Any], searched: Collection[str]) -> bool:
    """Whether an epoch of settings `then` should take as long as one of `now`."""
    sections = tuple(f"{key.rpartition('.')[0]}." for key in searched if isinstance(reference().get(key), Naming))
    for key in {*then, *now} - {*searched, EPOCHS}:
        role = role_of(key)
        decides = role.acts == "training" or not role.exact
        rate = role.acts == "training" and isinstance(now.get(key), float)
        if decides and not rate and not key.startswith(sections) and \
                then.get(key) != now.get(key):
            return False
    return True


def _measures_alike(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(then.get(key) == now.get(key) for key in {*then, *now}
               if key.startswith("evaluation.") and role_of(key).acts == "measuring")


def _seconds_between(first: Path, last: Path) -> float | None:
    """The seconds between the last changes of two files; None where one is not there."""
    if not (first.is_file() and last.is_file()):
        return None
    return last.stat().st_mtime - first.stat().st_mtime
