"""One trial on disk: `trial.json` in its folder, beside what training writes there (`sgg/training/fit.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sgg.common.atomic import write_json
from sgg.common.row_columns import epoch_columns
from sgg.common.run_log import CONFIG, TEST, Row, epoch_rows, position, read_optional_json, read_test
from sgg.config.loading.renamed import unnamed_adjustments
from sgg.methods.variants import with_adjustments
from sgg.settings.keys import find

TRIAL = "trial.json"
LOG, ERROR = "log.txt", "error.txt"

PENDING, RUNNING, FINISHED, STOPPED, FAILED = "pending", "running", "finished", "stopped", "failed"
"""The status of a trial. stopped: early, by the scheduler, an interrupt or the time budget. failed: it raised an error,
or lost its worker too often."""


@dataclass
class TrialRecord:
    """One trial on disk. values: dotted key -> searched value. reason: why it failed or was interrupted. seconds: how
    long it ran, until it ended and over all attempts; None: unknown."""

    directory: Path
    values: dict[str, Any] = field(default_factory=dict)
    status: str = PENDING
    reason: str = ""
    seconds: float | None = None

    @classmethod
    def read(cls, directory: Path) -> TrialRecord:
        """The record in a trial's folder; the folder of a run of `sgg.training.fit` alone serves too."""
        found = read_optional_json(directory / TRIAL, values=dict, status=str, reason=str)
        if found is None:
            return cls(directory, {}, FINISHED if _ran_to_its_end(directory) else STOPPED)
        seconds = found.get("seconds")  # files of earlier versions lack it
        return cls(directory, found["values"], found["status"], found["reason"],
                   float(seconds) if isinstance(seconds, (int, float)) else None)

    def write(self) -> None:
        """Write the record, complete or not at all."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_json(self.directory / TRIAL, {"values": self.values, "status": self.status, "reason": self.reason,
                                            "seconds": self.seconds})

    @property
    def name(self) -> str:
        """The trial's id."""
        return self.directory.name

    @property
    def evidence(self) -> Path:
        """The file that says why it failed: the traceback, or the log when a process died without one."""
        found = (self.directory / name for name in (ERROR, LOG))
        return next((path for path in found if path.is_file()), self.directory)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do: it ran to its end, or a scheduler stopped it. Tune may not know that yet."""
        return self.status == FINISHED or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        """Whether a scheduler stopped it. A trial that was only interrupted has a reason, and continues on resuming."""
        return self.status == STOPPED and not self.reason and (self.directory / TRIAL).is_file()

    def rows(self) -> list[Row]:
        """The valid row of each epoch."""
        return [self._as_named_now(row) for row in epoch_rows(self.directory)]

    def columns(self, wanted: Callable[[str], bool]) -> tuple[list[Row], Row]:
        """Some values of the row of each epoch, and the whole row of the last validation (`epoch_columns`)."""
        adjusted = self.unnamed_adjustments
        if not adjusted:
            return epoch_columns(self.directory, wanted)
        rows, validated = epoch_columns(self.directory, lambda name: wanted(with_adjustments(name, adjusted)))
        return [self._as_named_now(row) for row in rows], self._as_named_now(validated)

    def test(self) -> Row:
        """The test metrics; empty when there are none."""
        return self._as_named_now(read_test(self.directory) or {})

    @cached_property
    def unnamed_adjustments(self) -> dict[str, Any]:
        """As `sgg.config.loading.renamed.unnamed_adjustments`; empty for a trial of this version."""
        began = self.config()
        return unnamed_adjustments(began["config"]) if began is not None else {}

    def _as_named_now(self, row: Row) -> Row:
        adjusted = self.unnamed_adjustments
        return {with_adjustments(name, adjusted): value for name, value in row.items()} if adjusted else row

    def config(self) -> dict[str, Any] | None:
        """`{"config": all settings, "data": metadata of the data}` as the trial wrote it; None when it never began."""
        return read_optional_json(self.directory / CONFIG, config=dict, data=dict)


def _ran_to_its_end(directory: Path) -> bool:
    """Whether a run of `sgg.training.fit` alone has trained all its epochs, and measured its test unless that is off.

    Where its settings are unknown, the test tells. Raises ValueError that names a damaged file.
    """
    began = read_optional_json(directory / CONFIG)
    settings = {} if began is None else began.get("config", {})
    tested, epochs = (directory / TEST).is_file(), find(settings, "training.epochs")
    if epochs is None:
        return tested
    rows, _ = epoch_columns(directory, lambda name: False)
    last = max(rows, key=position, default={})  # a run that began anew has later epochs of the one before
    return last.get("epoch", 0) >= epochs and (tested or find(settings, "evaluation.test") is False)
