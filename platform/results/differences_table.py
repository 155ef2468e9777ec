"""Differences to a baseline as a table for a terminal, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .basis import by_basis
from .collection import Collection
from .differences import Compared, baseline_of, compared, cost_unit
from .headline import recalls_of, shown_metric, split_of
from .result_row import ResultRow
from .wording import MODES, WIDTH, difference_text, p_text, row_label, unit_of_difference

SHOWN = ("zs", "all")
"""The subsets of the table. The CSV has all."""
HEAD = ("baseline", "metric", "n", "data_sets", "difference", "low", "high", "p_holm", "p_across_holm", "p", "p_across",
        "seconds_per_point", "unit")
"""The columns of the CSV after those of the settings."""


def differences_table(rows: Sequence[ResultRow], words: str, collection: Collection, metric: str | None = None,
                      width: int | None = None) -> str:
    """The tables of all rows against the baseline of some words, one for each data and mode. metric: show this one, for
    example mR@50; None: ngR at the K of the mode. Raises what `baseline_of` raises."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=width or WIDTH)
    for group, base in against(rows, words):
        split = split_of(group)
        for mode in MODES:
            shown = shown_metric(group, mode, metric)
            names = [f"{split}/{mode}/{subset}/{shown}" for subset in SHOWN]
            lists = [found for name in names if (found := compared(group, base, name, collection))]
            if lists:
                caption = _caption(words, lists[0], unit := cost_unit(base, shown, collection))
                console.print(Text(f"\n{MODES[mode]} {shown} on {split}: {caption}"), soft_wrap=True)
                console.print(_drawn(lists, with_cost=bool(unit)))
    return buffer.getvalue()


def differences_csv(rows: Sequence[ResultRow], baselines: Sequence[str], collection: Collection) -> str:
    """All differences in recall to each baseline, a line for each row and metric; differences are fractions. The data
    are named where rows have different ones; results.csv says more of them."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    data = ["data"] if len({row.basis for row in rows}) > 1 else []
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*keys, *HEAD, *data])
    for words in baselines:
        for group, base in against(rows, words):
            for name in recalls_of(group):
                unit = cost_unit(base, name, collection)
                for one in compared(group, base, name, collection):
                    found = one.difference
                    values = (words, name, found.n, found.blocks, found.mean, found.low, found.high, one.p, one.across,
                              found.p, found.across, one.seconds, unit)
                    writer.writerow(["" if value is None else value for value in (
                        *(one.row.settings.get(key) for key in keys), *values,
                        *(base.basis.words()[name] for name in data))])
    return buffer.getvalue()


def against(rows: Sequence[ResultRow], words: str) -> Iterator[tuple[list[ResultRow], ResultRow]]:
    """The rows on each data that have a baseline of some words, with that baseline. Raises ValueError where no data
    have it."""
    baseline_of(rows, words)
    for group in by_basis(rows).values():
        try:
            base = baseline_of(group, words)
        except ValueError:
            continue
        yield group, base


def _caption(words: str, found: Sequence[Compared], unit: str) -> str:
    blocks = max(one.difference.blocks for one in found)
    pairs = "by data set and seed" if blocks > 1 else "by seed"
    within = f"within the {blocks} data sets, p data: over data sets" if blocks > 1 else "over seeds"
    cost_of_point = f"; cost: {unit} more in training for each point of {_subset(found)}" if unit else ""
    return (f"difference to {words}{unit_of_difference(found[0].metric)}, paired {pairs}, [95 %]; p: t test {within}, "
            f"by Holm over the rows with a p{cost_of_point}; docs/RESULTS.md says what each p answers")


def _subset(found: Sequence[Compared]) -> str:
    return found[0].metric.split("/")[2]


def _drawn(lists: Sequence[Sequence[Compared]], with_cost: bool) -> Table:
    """The table of the differences in each of some metrics, whose first one decides the cost of a point."""
    several = any(one.difference.blocks > 1 for found in lists for one in found)
    by_row = [{id(one.row): one for one in found} for found in lists]
    table = Table(box=SIMPLE_HEAD, padding=(0, 0), show_edge=False)
    table.add_column("row", overflow="fold")
    for found in lists:
        longest = max(len(difference_text(one.difference, one.metric)) for one in found)
        table.add_column(_subset(found), justify="right", min_width=longest)
        for name in ("p", "p data") if several else ("p",):
            table.add_column(name, justify="right", min_width=max(5, len(name)))
    if with_cost:
        table.add_column("cost", justify="right", min_width=5)
    for first in lists[0]:
        cells = [row_label(first.row.settings)]
        for of_metric in by_row:
            one = of_metric.get(id(first.row))
            cells += ["-", *["-"] * (1 + several)] if one is None else [
                difference_text(one.difference, one.metric), p_text(one.p), *([p_text(one.across)] if several else [])]
        cells += ["-" if first.seconds is None else f"{first.seconds:.1f}"] if with_cost else []
        table.add_row(*map(Text, cells))
    return table
