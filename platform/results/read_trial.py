"""What the files of one trial say: its settings, its data and its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgg.common.metric_names import QUALITY
from sgg.common.run_log import ROWS, TEST, Row
from sgg.common.versions import PROGRAM, describe_program
from sgg.config.loading.earlier import completed
from sgg.settings.keys import flatten

from ..study.trial_record import TrialRecord
from .begun_study import BegunStudy
from .history import TrialHistory, is_shown

if TYPE_CHECKING:
    from sgg.data.provenance import DataProvenance

SEED_KEY, EPOCHS_KEY = "experiment.seed", "training.epochs"


@dataclass(frozen=True)
class ReadTrial:
    """A trial, from its files. began: its config.json; None where it never began: then its settings and data follow
    from its study.

    settings: by dotted key. data: what says on which data it is, and with which parts. program: version and commit that
    trained it; "" for a trial of an earlier version. rows: what learning curves show of each epoch. metrics: of the
    last validation, of the last measured quality of features, and of the test. tested: whether it has a test.
    """

    record: TrialRecord
    began: dict[str, Any] | None
    settings: dict[str, Any]
    data: DataProvenance
    program: str
    rows: list[Row]
    metrics: dict[str, float]
    tested: bool

    @classmethod
    def read(cls, record: TrialRecord, begun: BegunStudy | None) -> ReadTrial:
        """The trial of a record. begun: its study, if it is of one. Raises ValueError that names a damaged file."""
        began = record.config()
        written = began or (begun.of_trial(record.values) if begun is not None else {"config": {}, "data": {}})
        rows, validated = record.columns(is_shown)
        measured: Row = next((row for row in reversed(rows) if any(name.startswith(QUALITY) for name in row)), {})
        test = record.test()
        metrics = {**_metrics(validated, "val/", record.directory / ROWS),
                   **_metrics(measured, QUALITY, record.directory / ROWS),
                   **_metrics(test, "", record.directory / TEST)}
        return cls(record, began, completed(flatten(written["config"])), written["data"],
                   describe_program(written.get(PROGRAM, {})), rows, metrics, bool(test))

    @property
    def seed(self) -> int | None:
        """Its training seed; None if it does not say it."""
        seed = self.settings.get(SEED_KEY)
        return seed[0] if isinstance(seed, list) else seed

    def history(self) -> TrialHistory:
        """What it did, epoch by epoch."""
        return TrialHistory.of(self.record, self.rows, self.tested, self.seed, self.settings.get(EPOCHS_KEY),
                               self.began)


def _metrics(row: Row, prefix: str, source: Path) -> dict[str, float]:
    """The measured metrics of a row. Raises ValueError naming the file and a metric that is no number."""
    metrics = {name: value for name, value in row.items() if value is not None and name.startswith(prefix)}
    if not {*map(type, metrics.values())} <= {int, float}:
        name, value = next((name, value) for name, value in metrics.items() if type(value) not in (int, float))
        raise ValueError(f"{source}: {name} must be a number, got {value!r}")
    return metrics
