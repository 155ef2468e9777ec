"""Result rows as a table for people, and as CSV, JSON and LaTeX.

The other formats have files of their own: `samples.py`, `differences_table.py`, `markdown.py`,
`differences_picture.py` (svg) and `report/` (html).

This does not use pandas, which would make it no shorter: settings differ between rows, and their order, the missing
values and the tables per basis would have to be made for a data frame too. `DataFrame.to_latex` needs one more package,
jinja2.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from sgg.common.atomic import to_json
from sgg.common.metric_names import DETECTION_COUNTS, TABLE_SUBSETS, headline_k
from sgg.common.versions import PROGRAM

from .aggregate import ResultRow
from .basis import Basis, by_basis
from .headline import split_of
from .terminal_table import terminal_table
from .wording import MODES, cell_text, mean_over, setting_text, short_names, unit_of

FORMATS = ("table", "csv", "samples", "differences", "json", "latex", "markdown", "svg", "html")
FRONT = "pareto_front"
"""The name in CSV and JSON of whether a row is on the Pareto front, where two metrics were searched."""
BLOCKS = "data_sets"
"""The same of the data sets that a row pools: the seeds of the genomes."""
BEST = "best_adjusted"
"""The same of whether its adjustments are the best of its configuration in validation, where several were measured."""
LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$",
         "±": r"$\pm$"}
"""Characters that a backslash before them does not make plain in LaTeX."""


def render(rows: list[ResultRow], form: str, metric: str | None = None, width: int | None = None,
           ranked_by: Sequence[str] = ()) -> str:
    """The rows as table, CSV, JSON or LaTeX.

    metric: the one that table and LaTeX show, for example mR@50. None: the table chooses K by mode (`headline.py`), and
    LaTeX shows ngR@100, or ngR at the largest measured K. width: of a table, in characters. ranked_by: the names of the
    metrics by which the search ranks, columns of the table. Raises ValueError for a metric that no row has.
    """
    measured = _metrics(rows)
    if metric is not None and measured and metric not in measured:
        raise ValueError(f"--metric: {metric} was not measured; measured: {', '.join(sorted(measured))}")
    match form:
        case "table":
            return terminal_table(rows, metric, width, ranked_by)
        case "csv":
            return _csv(rows)
        case "json":
            return to_json([as_json(row) for row in rows], indent=1) + "\n"
        case "latex":
            return _latex(rows, metric)
        case _:
            raise ValueError(f"no table in the format {form!r}")


def as_json(row: ResultRow) -> dict[str, Any]:
    """A row as an object of `--format json`."""
    marks = {name: mark for name, mark in _marks(row).items() if mark is not None}
    pooled = {BLOCKS: row.blocks} if row.basis.sets else {}
    return {**row.settings, "seeds": row.seeds, **pooled, "n": row.n, "status": row.status, **marks,
            **row.basis.words(),
            PROGRAM: row.programs,
            **{name: {"mean": cell.mean, "std": cell.std, "n": cell.n} for name, cell in row.cells.items()}}


def _marks(row: ResultRow) -> dict[str, bool | None]:
    return {FRONT: row.on_front, BEST: row.best_adjusted}


def columns(rows: list[ResultRow], metric: str | None = None) -> list[str]:
    """The names of the metrics to show: `metric` (see `render`) for each measured mode and subset. With SGDet also on
    how many images the detector fell back or failed. All are of the test set, or of validation without a test."""
    measured = {name for row in rows for name in row.cells}
    metric = metric or _headline(_metrics(rows))
    split = split_of(rows)
    wanted = [f"{split}/{mode}/{subset}/{metric}" for mode in MODES for subset in TABLE_SUBSETS]
    shown = [name for name in wanted if name in measured]
    if any(name.startswith(f"{split}/sgdet/") for name in shown):
        shown += [name for count in DETECTION_COUNTS if (name := f"{split}/sgdet/{count}") in measured]
    return shown


def _metrics(rows: list[ResultRow]) -> set[str]:
    """The metrics that were measured, for any mode and subset."""
    return {name.split("/")[3] for row in rows for name in row.cells if name.count("/") == 3}


def _headline(measured: set[str]) -> str:
    ks = [int(name.removeprefix("ngR@")) for name in measured if re.fullmatch(r"ngR@\d+", name)]
    return f"ngR@{headline_k(ks or [100])}"


def _heading(name: str) -> str:
    _, mode, what, *_ = name.split("/")
    return f"{MODES[mode]} {what}"


def _cells(row: ResultRow, names: list[str]) -> list[str]:
    return [*(setting_text(value) for value in row.settings.values()),
            *(cell_text(row.cells.get(name), name) for name in names), str(row.n), row.status]


def _caption(rows: list[ResultRow], names: list[str]) -> str:
    if not names:
        return "no metrics yet"
    split, _, _, metric = names[0].split("/")
    return f"{metric}{unit_of(metric)} on {split}, {mean_over(rows)}, n trials"


def _csv(rows: list[ResultRow]) -> str:
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


def _blank(value: float | None) -> float | str:
    return "" if value is None else value


def _latex(rows: list[ResultRow], metric: str | None) -> str:
    blocks = []
    for basis, group in by_basis(rows).items():
        names = columns(group, metric)
        head = [*map(_escaped, short_names(list(group[0].settings))), *map(_heading, names), "n", "status"]
        body = [[_escaped(text) for text in _cells(row, names)] for row in group]
        lines = ["\n".join(f"% {line}" for line in str(basis).splitlines()), f"% {_caption(group, names)}",
                 rf"\begin{{tabular}}{{{'l' * len(group[0].settings)}{'r' * (len(names) + 1)}l}}", r"\hline",
                 " & ".join(head) + r" \\", r"\hline", *(" & ".join(line) + r" \\" for line in body), r"\hline",
                 r"\end{tabular}"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return re.sub(r"[&%$#_{}\\~^<>±]", lambda found: LATEX.get(found[0], f"\\{found[0]}"), text)
