"""The Pareto front of rows in two searched metrics: the rows that no other one beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Protocol

from sgg.config.search import Objective

from ..study.trial_record import FINISHED
from .basis import Basis, by_basis

MARK = "◆"


class Measured(Protocol):
    """A metric over seeds."""

    @property
    def mean(self) -> float:
        """Its mean."""


class Row(Protocol):
    """What is asked of a row (`result_row.ResultRow`)."""

    status: str
    on_front: bool | None

    @property
    def basis(self) -> Basis:
        """What it was measured on."""

    @property
    def cells(self) -> Mapping[str, Measured]:
        """Its metrics by name."""


def mark_front(rows: Sequence[Row], searched: Sequence[Objective]) -> None:
    """Say of each row whether it is on the front of two metrics, among those on its basis. A row without a finished
    trial is not: its values are of fewer epochs. With one metric, or where no row has both, nothing is said."""
    if len(searched) < 2:
        return
    names, signs = [name for name, _ in searched], [1 if mode == "max" else -1 for _, mode in searched]
    for group in by_basis(rows).values():
        ranked = [row for row in group if FINISHED in row.status and all(name in row.cells for name in names)]
        on_front = front([(signs[0] * row.cells[names[0]].mean, signs[1] * row.cells[names[1]].mean)
                          for row in ranked])
        for row in group if ranked else ():
            row.on_front = any(row is ranked[place] for place in on_front)


def front(points: Sequence[tuple[float, float]]) -> set[int]:
    """The places of the points for which no other point is at least as large in both coordinates and larger in one."""
    order = sorted(range(len(points)), key=lambda place: points[place], reverse=True)
    found: set[int] = set()
    highest = -float("inf")  # of all points with a larger first coordinate
    for _, group in groupby(order, key=lambda place: points[place][0]):
        places = list(group)
        top = points[places[0]][1]
        if top > highest:
            found |= {place for place in places if points[place][1] == top}
            highest = top
    return found
