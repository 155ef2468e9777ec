"""The best checkpoint of some runs, by a metric of validation: `python -m platform.results RUN --best`.

The test is no basis for a choice: what it measures would be chosen by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sgg.checkpoint.paths import finished_epochs, path_of
from sgg.common.metric_names import is_fraction, is_lower_better
from sgg.common.run_log import Row
from sgg.config.loading.searched_entries import current_settings
from sgg.methods.variants import Variant, adjustments_in, objective, split_suffix, suffix, variants_of
from sgg.settings.keys import flatten

from ..study.trial_record import FAILED, TrialRecord
from .adjusted import EVALUATION
from .basis import Basis
from .cells import Cell
from .collection import collect, records_of
from .wording import cell_text, setting_text


@dataclass(frozen=True)
class Candidate:
    """A checkpoint of a trial. value: of the metric, in the last validation until then. measured: the epoch of that
    validation. adjusted: the suffix of the best adjustments."""

    record: TrialRecord
    epoch: int
    value: float
    measured: int
    adjusted: str

    @property
    def path(self) -> Path:
        """Its folder."""
        return path_of(self.record.directory, self.epoch)

    def described(self, metric: str) -> str:
        """The checkpoint in a line for people."""
        unit = " %" if is_fraction(metric) else ""
        settings = "".join(f" {key}={setting_text(value)}" for key, value in self.record.values.items())
        return (f"{metric}{self.adjusted} {cell_text(Cell(self.value, None, 1), metric)}{unit} after epoch "
                f"{self.measured}: trial {self.record.name}{settings}")


def best_checkpoint(run_dirs: Sequence[Path | str], metric: str | None = None) -> tuple[Candidate, str]:
    """The best checkpoint of all trials that did not fail, and the name of the metric. Of equal ones it is the last.

    metric: a metric of validation, `val/sgcls/zs/ngR@50`; `ngR@50` alone has mode and subset of the searched metric.
    None: the searched metric of the first run. Each counts with its best adjustment, as in a search.

    Raises FileNotFoundError where no trial has a checkpoint, and ValueError where the metric was not measured, is one
    of the test, or where the trials have different data. Also what `collect` raises.
    """
    collection = collect(run_dirs)
    searched = collection.metric
    name = searched if metric is None else _whole_name(metric, searched)
    mode = collection.mode if name == searched else "min" if is_lower_better(name) else "max"
    records = [record for path in run_dirs for record in records_of(Path(path))]
    kept = [record for record in records if record.status != FAILED and finished_epochs(record.directory)]
    if not kept:
        raise FileNotFoundError(f"{', '.join(map(str, run_dirs))}: {_without_checkpoint(records)}")
    _require_same_data(kept, "one run" if len(run_dirs) > 1 else "the folders of its trials on one data set")
    found = [candidate for record in kept for candidate in _candidates(record, name, mode)]
    if not found:
        measured = {split_suffix(one)[0].partition("/")[2] for record in kept for row in record.rows() for one in row
                    if one.startswith("val/")}
        names = sorted({one.rpartition("/")[2] for one in measured if is_fraction(one) or is_lower_better(one)})
        raise ValueError(f"{'search.metric' if metric is None else '--metric'}: no trial that has a checkpoint was "
                         f"validated by {name}; measured: {', '.join(names) or 'nothing yet'}")
    sign = 1 if mode == "max" else -1
    return max(found, key=lambda one: (sign * one.value, one.measured, one.epoch)), name


def _whole_name(metric: str, searched: str) -> str:
    """The name of a metric of validation; what is left out is as in the searched metric."""
    if metric.startswith("test/"):
        raise ValueError(f"--metric: {metric} is of the test, which must not choose a model: name "
                         f"{metric.replace('test/', 'val/', 1)}")
    if metric == "loss" or metric.startswith("val/"):
        return metric
    known = searched.split("/") if searched.count("/") == 3 else ["val", "sgcls", "zs", ""]
    given = metric.split("/")
    return "/".join([*known[:len(known) - len(given)], *given])


def _candidates(record: TrialRecord, metric: str, mode: str) -> Iterator[Candidate]:
    """A trial's checkpoints, each with the last value of the metric until its epoch."""
    rows, began = record.rows(), record.config()
    settings = {} if began is None else current_settings(flatten(began["config"]))
    evaluation = {key.removeprefix(EVALUATION): value for key, value in settings.items() if key.startswith(EVALUATION)}
    variants = variants_of(evaluation, {name for row in rows for name in adjustments_in(row)})
    values = [(row["epoch"], *best) for row in rows if (best := _best_variant(row, metric, mode, variants))]
    for epoch in finished_epochs(record.directory):
        if until := [one for one in values if one[0] <= epoch]:
            measured, value, adjusted = until[-1]
            yield Candidate(record, epoch, value, measured, adjusted)


def _best_variant(row: Row, metric: str, mode: str, variants: Sequence[Variant]) -> tuple[float, str] | None:
    """The value of a metric in a row under the best variant, and the suffix of that one."""
    best = objective(row, metric, mode, variants)
    if best is None:
        return None
    return best, next(suffix(one) for one in variants if objective(row, metric, mode, [one]) == best)


def _without_checkpoint(records: Sequence[TrialRecord]) -> str:
    counts = Counter(record.status for record in records)
    which = ", ".join(f"{count} {status}" for status, count in counts.items())
    failed = any(record.status == FAILED and finished_epochs(record.directory) for record in records)
    return (f"no trial that did not fail has a checkpoint ({which}); " if failed else
            f"no trial has a checkpoint ({which}); ") + "one is written after each epoch"


def _require_same_data(records: Sequence[TrialRecord], remedy: str) -> None:
    """Raise ValueError unless all trials were validated on the same images. remedy: what to name instead."""
    bases = {Basis.of(began["data"]) for record in records if (began := record.config()) is not None}
    data = sorted({f"{basis.data} {basis.pictures}".strip() for basis in bases})
    if len(data) > 1:
        raise ValueError(f"--best: the trials have different data, so their metrics cannot be compared: "
                         f"{'; '.join(data)}: name {remedy}")
