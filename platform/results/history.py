"""What one trial did, epoch by epoch: the values that learning curves show, its cost, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sgg.common.metric_names import QUALITY
from sgg.common.row_columns import POSITION
from sgg.common.run_log import Row
from sgg.settings.keys import find

from ..study.trial_record import TrialRecord
from .predicates_file import read_predicates

CURVE_RECALLS = ("R", "mR", "ngR", "ng-mR")
CURVE_SUBSETS = ("zs", "all")
CURVE_KS = (20, 50, 100)
TIME = "time"
_ENDS = tuple(f"/{subset}/{recall}@{k}" for subset in CURVE_SUBSETS for recall in CURVE_RECALLS for k in CURVE_KS)


@dataclass(frozen=True)
class TrialHistory:
    """The epochs of one trial.

    epochs: the numbers of its epochs. curves: metric -> value of each epoch, None where it was not measured; recall is
    a fraction. planned: how many epochs it should have; None: unknown. seconds: of training, all epochs; None: not
    measured. ran: seconds from its start to its end, with validation and test; of a trial that does not say it, those
    of training. gpus: how many it held; 0 where it computed without one. processors: with how many it computed, where
    it held no GPU; 0: unknown. tested: whether it has test metrics. computed_on: of which hardware its config.json
    speaks; "" where it never began. data: what that says of the data and parts. predicates: its predicates.json
    (`sgg/evaluate/predicate_recall.py`). directory: its folder.
    """

    name: str
    run: str
    status: str
    reason: str
    seed: int | None
    values: dict[str, Any]
    planned: int | None = None
    epochs: list[int] = field(default_factory=list)
    curves: dict[str, list[float | None]] = field(default_factory=dict)
    seconds: float | None = None
    ran: float | None = None
    gpus: float = 0
    processors: int = 0
    tested: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    computed_on: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    predicates: dict[str, Any] | None = None
    directory: Path | None = None

    @classmethod
    def of(cls, record: TrialRecord, rows: list[Row], tested: bool, seed: int | None, planned: object,
           began: dict[str, Any] | None) -> TrialHistory:
        """The history of a trial on disk. rows: of its epochs, with the names of `is_shown`. began: its config.json, if
        it began."""
        names = sorted({name for row in rows for name in row} - {*POSITION, TIME})
        times = [row[TIME] for row in rows if isinstance(row.get(TIME), (int, float))]
        folder = record.directory.resolve()
        run = folder.parents[1] if folder.parent.name == "trials" else folder.parent
        return cls(record.name, run.name, record.status, record.reason, seed, record.values,
                   planned if isinstance(planned, int) else None, [row["epoch"] for row in rows],
                   {name: [_number(row.get(name)) for row in rows] for name in names},
                   sum(times) if times else None, max([record.seconds or 0, sum(times)]) or None, _gpus(began or {}),
                   _processors(began or {}), tested, dict((began or {}).get("versions", {})),
                   _hardware((began or {}).get("computed_on")), dict((began or {}).get("data", {})),
                   # Those of an earlier version may be of adjusted scores, which it does not say.
                   None if record.unnamed_adjustments else read_predicates(record.directory), record.directory)


@lru_cache(maxsize=1 << 14)
def is_shown(name: str) -> bool:
    """Whether the history has the value of each epoch of a name in metrics.jsonl."""
    return name in ("loss", TIME) or name.endswith(_ENDS) or name.startswith(QUALITY)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _gpus(began: dict[str, Any]) -> float:
    """The GPUs of a trial, from its config.json: those that its settings name, else one for each worker."""
    hardware = began.get("computed_on")
    if not isinstance(hardware, dict) or hardware.get("device") != "cuda":
        return 0
    named = find(began["config"], "resources.gpus")
    return float(named) if isinstance(named, (int, float)) and named else float(hardware.get("workers", 1))


def _processors(began: dict[str, Any]) -> int:
    """The processors of a trial without GPU, from its config.json: the threads of its workers; 0: it does not say."""
    hardware = began.get("computed_on")
    if not isinstance(hardware, dict) or hardware.get("device") != "cpu":
        return 0
    return int(hardware.get("workers", 1)) * int(hardware.get("threads", 1))


def _hardware(said: object) -> str:
    """The device, workers and threads of a config.json (`sgg.experiment.torch_setup.computed_on`) in words."""
    if not isinstance(said, dict):
        return ""
    return ", ".join(str(amount) if name == "device" else f"{amount} {name.removesuffix('s') if amount == 1 else name}"
                     for name, amount in said.items())
