"""What one trial did, epoch by epoch: the values that learning curves show, its cost, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgg.common.run_log import Row

from ..study.directory import TrialRecord
from .predicates_file import read_predicates

CURVE_RECALLS = ("R", "mR", "ngR", "ng-mR")
CURVE_SUBSETS = ("zs", "all")
CURVE_KS = (20, 50, 100)
_ENDS = tuple(f"/{subset}/{recall}@{k}" for subset in CURVE_SUBSETS for recall in CURVE_RECALLS for k in CURVE_KS)


@dataclass(frozen=True)
class TrialHistory:
    """The epochs of one trial.

    epochs: the numbers of its epochs. curves: metric -> value of each epoch, None where it was not measured; recall is
    a fraction. planned: how many epochs it should have; None: unknown. seconds: of training, all epochs; None: not
    measured. tested: whether it has test metrics. computed_on: of which hardware its config.json speaks. data: what
    that says of the data and parts. predicates: its predicates.json (`sgg/evaluate/predicate_recall.py`).
    directory: its folder.
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
    tested: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    computed_on: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    predicates: dict[str, Any] | None = None
    directory: Path | None = None

    @classmethod
    def of(cls, record: TrialRecord, rows: list[Row], tested: bool, seed: int | None, planned: object,
           began: dict[str, Any] | None) -> TrialHistory:
        """The history of a trial on disk. rows: of its epochs. began: its config.json, if it began."""
        seen = dict.fromkeys(name for row in rows[:1] for name in row)
        for row in rows:
            if row.keys() - seen.keys():
                seen |= dict.fromkeys(row)
        names = sorted(name for name in seen if name == "loss" or name.endswith(_ENDS))
        times = [row["time"] for row in rows if isinstance(row.get("time"), (int, float))]
        folder = record.directory.resolve()
        run = folder.parents[1] if folder.parent.name == "trials" else folder.parent
        return cls(record.name, run.name, record.status, record.reason, seed, record.values,
                   planned if isinstance(planned, int) else None, [row["epoch"] for row in rows],
                   {name: [_number(row.get(name)) for row in rows] for name in names},
                   sum(times) if times else None, tested, dict((began or {}).get("versions", {})),
                   _hardware((began or {}).get("computed_on")), dict((began or {}).get("data", {})),
                   read_predicates(record.directory), record.directory)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _hardware(said: object) -> str:
    """The device, workers and threads of a config.json (`sgg.experiment.torch_setup.computed_on`) in words."""
    if not isinstance(said, dict):
        return ""
    return ", ".join(str(amount) if name == "device" else f"{amount} {name.removesuffix('s') if amount == 1 else name}"
                     for name, amount in said.items())
