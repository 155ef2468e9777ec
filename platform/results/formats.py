"""Result rows as a table for people, and as CSV, JSON and LaTeX. `report/` makes the page of `--format html`.

This does not use pandas, which would make it no shorter: settings differ between rows, and their order, the missing
values and the tables per basis would have to be made for a data frame too. `DataFrame.to_latex` needs one more package,
jinja2.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sgg.common.atomic import to_json
from sgg.common.metric_names import DETECTION_COUNTS, SUBSETS, headline_k, is_fraction
from sgg.common.versions import PROGRAM

from .aggregate import Cell, ResultRow
from .basis import Basis

FORMATS = ("table", "csv", "json", "latex", "html")
MODES = {"sgcls": "SGCls", "predcls": "PredCls", "sgdet": "SGDet"}


def render(rows: list[ResultRow], form: str, metric: str | None = None, width: int | None = None) -> str:
    """The rows in one of FORMATS but html.

    metric: the one that table and LaTeX show, for example mR@50; None: ngR@100, or ngR at the largest measured K.
    width: of a table, in characters. Raises ValueError for a metric that no row has.
    """
    measured = _metrics(rows)
    if metric is not None and measured and metric not in measured:
        raise ValueError(f"--metric: {metric} was not measured; measured: {', '.join(sorted(measured))}")
    match form:
        case "table":
            return _table(rows, metric, width)
        case "csv":
            return _csv(rows)
        case "json":
            return to_json([as_json(row) for row in rows], indent=1) + "\n"
        case "latex":
            return _latex(rows, metric)
        case _:
            raise ValueError(f"--format must be one of {', '.join(FORMATS)}, got {form!r}")


def as_json(row: ResultRow) -> dict[str, Any]:
    """A row as an object of `--format json`."""
    return {**row.settings, "seeds": row.seeds, "n": row.n, "status": row.status, **row.basis.words(),
            PROGRAM: row.programs,
            **{name: {"mean": cell.mean, "std": cell.std, "n": cell.n} for name, cell in row.cells.items()}}


def columns(rows: list[ResultRow], metric: str | None = None) -> list[str]:
    """The names of the metrics to show: `metric` (see `render`) for each measured mode and subset. With SGDet also on
    how many images the detector fell back or failed. All are of the test set, or of validation without a test."""
    measured = {name for row in rows for name in row.cells}
    metric = metric or _headline(_metrics(rows))
    split = "test" if any(name.startswith("test/") for name in measured) else "val"
    wanted = [f"{split}/{mode}/{subset}/{metric}" for mode in MODES for subset in SUBSETS]
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


def cell_text(cell: Cell | None, metric: str, plus_minus: str = "±") -> str:
    """Mean of a metric and its deviation, if it has one, with one decimal; fractions in percent."""
    if cell is None:
        return "-"
    scale = 100 if is_fraction(metric) else 1
    return f"{scale * cell.mean:.1f}" + ("" if cell.std is None else f" {plus_minus} {scale * cell.std:.1f}")


def _heading(name: str) -> str:
    _, mode, what, *_ = name.split("/")
    return f"{MODES[mode]} {what}"


def _by_basis(rows: list[ResultRow]) -> dict[Basis, list[ResultRow]]:
    groups: dict[Basis, list[ResultRow]] = {}
    for row in rows:
        groups.setdefault(row.basis, []).append(row)
    return groups


def _cells(row: ResultRow, names: list[str], plus_minus: str = "±") -> list[str]:
    return [*(_setting(value) for value in row.settings.values()),
            *(cell_text(row.cells.get(name), name, plus_minus) for name in names), str(row.n), row.status]


def _setting(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_names(keys: list[str]) -> list[str]:
    """Dotted keys without the sections that are not needed to distinguish them; `model.head.kind` becomes `head`."""
    last = [key.removesuffix(".kind").rsplit(".", 1)[-1] for key in keys]
    return [short if last.count(short) == 1 else key for key, short in zip(keys, last, strict=True)]


def _caption(names: list[str]) -> str:
    if not names:
        return "no metrics yet"
    split, _, _, metric = names[0].split("/")
    unit = " in percent" if is_fraction(metric) else ""
    return f"{metric}{unit} on {split}, mean ± sample deviation over seeds, n trials"


def _table(rows: list[ResultRow], metric: str | None, width: int | None) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=width or 240)
    for basis, group in _by_basis(rows).items():
        names = columns(group, metric)
        # As Text, since rich would read brackets as markup, for example those around the hash of the data.
        table = Table()
        for key in short_names(list(group[0].settings)):
            table.add_column(key)
        for name in names:
            table.add_column(_heading(name), justify="right")
        table.add_column("n", justify="right")
        table.add_column("status")
        for row in group:
            table.add_row(*map(Text, _cells(row, names)))
        # Not as title and caption: rich would wrap them to the table's width, which may be a few letters.
        console.print(Text(str(basis)), table, Text(_caption(names)), sep="\n")
    return buffer.getvalue()


def _csv(rows: list[ResultRow]) -> str:
    settings = list(dict.fromkeys(key for row in rows for key in row.settings))
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*settings, "seeds", "n", "status", *Basis("").words(), PROGRAM,
                     *(f"{name} {part}" for name in names for part in ("mean", "std", "n"))])
    for row in rows:
        cells = [row.cells.get(name) for name in names]
        writer.writerow([*(row.settings.get(key, "") for key in settings), " ".join(map(str, row.seeds)), row.n,
                         row.status, *row.basis.words().values(), "; ".join(row.programs),
                         *(_blank(value) for cell in cells for value in
                                                 ((cell.mean, cell.std, cell.n) if cell else (None, None, 0)))])
    return buffer.getvalue()


def _blank(value: float | None) -> float | str:
    return "" if value is None else value


def _latex(rows: list[ResultRow], metric: str | None) -> str:
    blocks = []
    for basis, group in _by_basis(rows).items():
        names = columns(group, metric)
        head = [*map(_escaped, short_names(list(group[0].settings))), *map(_heading, names), "n", "status"]
        body = [[_escaped(text) if "$" not in text else text for text in _cells(row, names, r"$\pm$")] for row in group]
        lines = [f"% {basis}", f"% {_caption(names)}",
                 rf"\begin{{tabular}}{{{'l' * len(group[0].settings)}{'r' * (len(names) + 1)}l}}", r"\hline",
                 " & ".join(head) + r" \\", r"\hline", *(" & ".join(line) + r" \\" for line in body), r"\hline",
                 r"\end{tabular}"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)
