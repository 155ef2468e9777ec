"""Result rows as tables for a terminal: one for each basis and mode, at most `WIDTH` columns wide where they can be.

Each table shows recall at a K at which rows can be told apart (`headline.py`), the metric by which the search ranks,
and mean recall where `pred_weight` acts. Rows that differ only in adjustments and show the same numbers are one row.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sgg.common.metric_names import DETECTION_COUNTS, TABLE_SUBSETS
from sgg.methods.adjustment import BY_METRICS

from .adjusted import EVALUATION, EXPLAINED
from .adjusted import MARK as BEST
from .basis import by_basis
from .headline import headline_of, shown_metric, split_of
from .pareto import MARK
from .result_row import ResultRow
from .wording import MODES, WIDTH, cell_text, mean_over, setting_text, short_names, unit_of

SEPARATION = 1
OMITTED_FIRST = ("10s", "100s")
LONGEST_HEAD, SHORTEST_HEAD = 14, 6
"""Letters of a heading: if a table is too wide, longer words get a hyphen, the longest ones first."""
FRONT = "front"
"""The name of the column that marks the Pareto front."""
EARLY = "*"
"""Marks figures of validation in a table of test figures."""


@dataclass(frozen=True)
class Column:
    """A column of numbers: the name of its metric, and its heading."""

    metric: str
    head: str


@dataclass
class Line:
    """A line of a table. settings: value in words of each setting. numbers: text of each column. best: whether its
    adjustments are the best of its configuration."""

    row: ResultRow
    settings: dict[str, str]
    numbers: list[str]
    best: bool = False

    @property
    def status(self) -> str:
        """The status of its trials, and a mark."""
        return f"{self.row.status} {BEST}" if self.best else self.row.status


def terminal_table(rows: list[ResultRow], metric: str | None = None, width: int | None = None,
                   ranked_by: Sequence[str] = ()) -> str:
    """The tables of all rows. metric: show this one, for example mR@50. width: in characters; None: `WIDTH`.
    ranked_by: the names of the metrics that rank rows."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=width or WIDTH)
    for basis, group in by_basis(rows).items():
        # As Text, since rich would read brackets as markup, for example those around the hash of the data.
        console.print(Text(str(basis)), soft_wrap=True)
        tables = [found for mode in MODES if (found := _of_mode(group, mode, metric, ranked_by))]
        for caption, columns in tables or [("no metrics yet", [])]:
            lines = _folded([_line(row, columns) for row in group])
            heads, omitted = _fitting(lines, columns, console.width)
            console.print(Text(f"\n{caption}{_explained(lines, omitted)}"), soft_wrap=True)
            console.print(_drawn(heads, lines, [column for column in columns if column not in omitted]))
    return buffer.getvalue()


def _of_mode(rows: list[ResultRow], mode: str, metric: str | None,
             ranked_by: Sequence[str]) -> tuple[str, list[Column]] | None:
    """The caption and the columns of a mode; None if it was not measured."""
    measured = {name for row in rows for name in row.cells}
    split, k = split_of(rows), headline_of(rows, mode)
    shown = shown_metric(rows, mode, metric)
    columns = [Column(name, subset) for subset in TABLE_SUBSETS
               if (name := f"{split}/{mode}/{subset}/{shown}") in measured]
    if not columns:
        return None
    if metric is None and _acts(rows) and (name := f"{split}/{mode}/all/mR@{k}") in measured:
        columns.append(Column(name, f"mR@{k}"))
    shown_already = {one.metric for one in columns}
    ranking = [name for name in ranked_by if name in measured - shown_already and name.split("/")[1] == mode]
    columns[:0] = [Column(name, _ranking_head(name)) for name in ranking]
    if any(row.on_front is not None for row in rows) and any(f"/{mode}/" in name for name in ranked_by):
        columns.append(Column(FRONT, "Pareto"))
    if mode == "sgdet":
        columns += [Column(name, f"{MODES[mode]} {count}") for count in DETECTION_COUNTS
                    if (name := f"{split}/{mode}/{count}") in measured]
    return f"{MODES[mode]} {shown}{unit_of(shown)} on {split}, {mean_over(rows)}, n trials", columns


def _ranking_head(name: str) -> str:
    split, _, *of = name.split("/")
    return " ".join(("rank:", split, *of))


def _acts(rows: list[ResultRow]) -> bool:
    """Whether rows differ in pred_weight, or all have one that is not neutral."""
    return any(row.settings.get(EVALUATION + BY_METRICS, row.identity.get(EVALUATION + BY_METRICS)) for row in rows)


def _line(row: ResultRow, columns: list[Column]) -> Line:
    return Line(row, {key: setting_text(value) for key, value in row.settings.items()},
                [_number(row, column.metric) for column in columns], bool(row.best_adjusted))


def _number(row: ResultRow, metric: str) -> str:
    """The text of a metric. A row without test, since its trials were stopped, shows its last validation."""
    if metric == FRONT:
        return MARK if row.on_front else ""
    split, _, name = metric.partition("/")
    if metric not in row.cells and split == "test" and (cell := row.cells.get(f"val/{name}")) is not None:
        return cell_text(cell, metric) + EARLY
    return cell_text(row.cells.get(metric), metric)


def _folded(lines: list[Line]) -> list[Line]:
    """Lines of one configuration with equal numbers become one, with all values of the adjustment: `0 to 0.5`.

    One adjustment after the other. Lines keep the place of their first one.
    """
    for key in dict.fromkeys(key for line in lines for key in line.settings if key.startswith(EVALUATION)):
        order = list(dict.fromkeys(line.settings[key] for line in sorted(lines, key=lambda line: _size(line, key))))
        groups: dict[Any, list[Line]] = {}
        for line in lines:
            others = {name: value for name, value in line.settings.items() if name != key}
            plain = {name: value for name, value in line.row.identity.items() if not name.startswith(EVALUATION)}
            groups.setdefault((repr(sorted(plain.items())), repr(others), tuple(line.numbers)), []).append(line)
        lines = [Line(group[0].row, group[0].settings | {key: _range([line.settings[key] for line in group], order)},
                      group[0].numbers, any(line.best for line in group)) for group in groups.values()]
    return lines


def _size(line: Line, key: str) -> tuple[bool, float]:
    value = line.row.settings.get(key)
    return (False, float(value)) if isinstance(value, (int, float)) else (True, 0.0)


def _range(values: list[str], order: list[str]) -> str:
    """Values in words: `0 to 1` where they follow one another in `order`, else `0, 1`."""
    places = sorted(order.index(value) for value in set(values))
    if len(places) > 1 and places[-1] - places[0] == len(places) - 1:
        return f"{order[places[0]]} to {order[places[-1]]}"
    return ", ".join(order[place] for place in places)


def _texts(line: Line, columns: list[Column], kept: list[Column]) -> list[str]:
    numbers = [text for text, column in zip(line.numbers, columns, strict=True) if column in kept]
    return [*line.settings.values(), *numbers, str(line.row.n), line.status]


def _fitting(lines: list[Line], columns: list[Column], width: int) -> tuple[list[str], list[Column]]:
    """The headings of settings and the columns to leave out, so that the table fits the width if it can. The lines lose
    the numbers of these columns."""
    omitted: list[Column] = []
    heads = _heads(lines)
    for column in (one for one in columns if one.head in OMITTED_FIRST):
        if _wide(heads, lines, columns, omitted) > width:
            omitted.append(column)
    for longest in range(LONGEST_HEAD, SHORTEST_HEAD - 1, -1):
        if _wide(heads, lines, columns, omitted) > width:
            heads = _heads(lines, longest)
    kept = [number for number, column in enumerate(columns) if column not in omitted]
    for line in lines:
        line.numbers = [line.numbers[number] for number in kept]
    return heads, omitted


def _wide(settings: list[str], lines: list[Line], columns: list[Column], omitted: list[Column]) -> int:
    kept = [column for column in columns if column not in omitted]
    heads = [*settings, *(column.head for column in kept), "n", "status"]
    longest = [max(map(len, head.split())) for head in heads]  # a heading may wrap between words
    texts = [longest, *([cell_len(text) for text in _texts(line, columns, kept)] for line in lines)]
    return sum(max(column) for column in zip(*texts, strict=True)) + SEPARATION * len(heads)


def _heads(lines: list[Line], longest: int = 99) -> list[str]:
    """The headings of settings, which break after an underscore, and with a hyphen where a part of a name has more
    than `longest` letters."""
    return ["\n".join(piece for part in name.replace("_", "_\n").split("\n") for piece in _pieces(part, longest))
            for name in short_names(list(lines[0].settings))]


def _pieces(word: str, longest: int) -> list[str]:
    """A word in about equal pieces of at most `longest` letters, hyphens included."""
    if len(word) <= longest:
        return [word]
    size = math.ceil(len(word) / math.ceil(len(word) / (longest - 1)))
    return [f"{word[at:at + size]}{'-' if at + size < len(word) else ''}" for at in range(0, len(word), size)]


def _longest(lines: list[Line]) -> list[int]:
    """How wide the numbers of each column are."""
    return [max(map(cell_len, column)) for column in zip(*(line.numbers for line in lines), strict=True)]


def _drawn(heads: list[str], lines: list[Line], columns: list[Column]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0), show_edge=False)
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    for column, longest in zip(columns, _longest(lines), strict=True):
        table.add_column(column.head, justify="right", min_width=longest, overflow="fold")
    table.add_column("n", justify="right")
    table.add_column("status", min_width=max(len(word) for line in lines for word in line.row.status.split()))
    for line in lines:
        table.add_row(*map(Text, _texts(line, columns, columns)))
    return table


def _explained(lines: list[Line], omitted: list[Column]) -> str:
    """What a caption adds: the marks and columns that need a word."""
    parts = []
    if any(text.endswith(EARLY) for line in lines for text in line.numbers):
        parts.append(f"{EARLY} last validation of trials without test")
    if any(line.best for line in lines):
        parts.append(f"{BEST} {EXPLAINED}")
    if any(MARK in line.numbers for line in lines):
        parts.append(f"{MARK} on the Pareto front of the searched metrics in validation")
    if omitted:
        parts.append(f"{' and '.join(column.head for column in omitted)}: see results.csv and report.html")
    return "".join(f"; {part}" for part in parts)
