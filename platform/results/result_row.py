"""A row of results: one configuration, and the samples that its metrics are the mean of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .basis import Basis
from .cells import Cells


@dataclass(frozen=True)
class Sample:
    """The metrics of one configuration, data set and seed. seed: None if the trial does not say it."""

    seed: int | None
    metrics: dict[str, float]
    block: str = ""


@dataclass
class ResultRow:
    """One configuration, measured on one basis."""

    settings: dict[str, Any]
    basis: Basis
    seeds: list[int | None] = field(default_factory=list)
    status: str = ""
    cells: Cells = field(default_factory=Cells)
    programs: list[str] = field(default_factory=list)
    """Versions and commits of the trials behind its metrics. Trials of different ones share a row."""
    identity: dict[str, Any] = field(default_factory=dict)
    """All settings that tell configurations apart, of which `settings` shows some."""
    measuring: dict[str, Any] = field(default_factory=dict)
    """Settings that say what is measured, but for adjustments. Those that matter are the same in all of its trials."""
    samples: list[Sample] = field(default_factory=list)
    """What the cells are the mean of."""
    blocks: list[str] = field(default_factory=list)
    """The data sets that it pools; empty where nothing is pooled."""
    trials: list[int] = field(default_factory=list)
    """The numbers of all its trials in `Collection.trials`, also of those that its metrics leave out."""
    on_front: bool | None = None
    """Whether it is on the Pareto front of two searched metrics; None where one metric was searched."""
    best_adjusted: bool | None = None
    """Whether its adjustments are the best of its configuration in validation; None where nothing tells."""

    @property
    def n(self) -> int:
        """How many trials are behind its metrics; those of one configuration and seed count once."""
        return self.cells.n
