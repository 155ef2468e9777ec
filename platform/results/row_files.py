"""Result rows as CSV and as JSON, with every metric.

This does not use pandas, which would make it no shorter: settings differ between rows, and their order and the missing
values would have to be made for a data frame too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from sgg.common.atomic import to_json
from sgg.common.versions import PROGRAM

from .basis import Basis
from .result_row import ResultRow

FRONT = "pareto_front"
"""The name of whether a row is on the Pareto front, where two metrics were searched."""
BLOCKS = "data_sets"
"""The same of the data sets that a row pools: the seeds of the genomes."""
BEST = "best_adjusted"
"""The same of whether its adjustments are the best of its configuration in validation, where several were measured."""


def rows_csv(rows: Sequence[ResultRow]) -> str:
    """A line for each row. Its cells have the mean, deviation and n of every metric; recall is a fraction."""
    settings = list(dict.fromkeys(key for row in rows for key in row.settings))
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    marks = [name for name in (FRONT, BEST) if any(_marks(row)[name] is not None for row in rows)]
    pooled = [BLOCKS] if any(row.basis.sets for row in rows) else []
    writer.writerow([*settings, "seeds", *pooled, "n", "status", *marks, *Basis("").words(), PROGRAM,
                     *(f"{name} {part}" for name in names for part in ("mean", "std", "n"))])
    for row in rows:
        cells = [row.cells.get(name) for name in names]
        writer.writerow([*(row.settings.get(key, "") for key in settings), " ".join(map(str, row.seeds)),
                         *(" ".join(row.blocks) for _ in pooled), row.n, row.status,
                         *(str(bool(_marks(row)[name])).lower() for name in marks), *row.basis.words().values(),
                         "; ".join(row.programs),
                         *(_blank(value) for cell in cells for value in
                                                 ((cell.mean, cell.std, cell.n) if cell else (None, None, 0)))])
    return buffer.getvalue()


def rows_json(rows: Sequence[ResultRow]) -> str:
    """A list with an object for each row, with the same content."""
    return to_json([_as_json(row) for row in rows], indent=1) + "\n"


def _as_json(row: ResultRow) -> dict[str, Any]:
    marks = {name: mark for name, mark in _marks(row).items() if mark is not None}
    pooled = {BLOCKS: row.blocks} if row.basis.sets else {}
    return {**row.settings, "seeds": row.seeds, **pooled, "n": row.n, "status": row.status, **marks,
            **row.basis.words(),
            PROGRAM: row.programs,
            **{name: {"mean": cell.mean, "std": cell.std, "n": cell.n} for name, cell in row.cells.items()}}


def _marks(row: ResultRow) -> dict[str, bool | None]:
    return {FRONT: row.on_front, BEST: row.best_adjusted}


def _blank(value: float | None) -> float | str:
    return "" if value is None else value
