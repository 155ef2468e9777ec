"""Result rows and their differences as Markdown, for a README or an issue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sgg.common.metric_names import TABLE_SUBSETS, is_lower_better

from .adjusted import EXPLAINED, MARK, standing
from .basis import by_basis
from .collection import Collection
from .differences import Compared, compared, cost_unit
from .differences_table import SHOWN, against
from .headline import shown_metric, split_of
from .result_row import ResultRow
from .wording import MODES, cell_text, difference_text, mean_over, p_text, row_label, unit_of, unit_of_difference


def markdown(rows: Sequence[ResultRow], baselines: Sequence[str], collection: Collection,
             metric: str | None = None) -> str:
    """A table for all rows on the same data, of which each configuration has the row without adjustments and the best
    one in validation; then one for each baseline and mode. metric: show this one, for example mR@50; None: ngR at the K
    of each mode."""
    parts = []
    for group in by_basis(rows).values():
        parts += list(_of_data(group, metric))
    for words in baselines:
        for group, base in against(rows, words):
            parts += list(_differences(group, base, words, collection, metric))
    return "\n".join(parts)


def _of_data(rows: Sequence[ResultRow], metric: str | None) -> Iterator[str]:
    shown = standing(rows)
    split = split_of(rows)
    measured = {name for row in rows for name in row.cells}
    names = [name for mode in MODES for subset in TABLE_SUBSETS
             if (name := f"{split}/{mode}/{subset}/{shown_metric(rows, mode, metric)}") in measured]
    if not names:
        yield "no metrics yet\n"
        return
    marked = f"; {MARK} {EXPLAINED}" if any(row.best_adjusted for row in shown) else ""
    unit = unit_of(names[0])  # all columns have the unit of one metric, or of recall
    yield f"{rows[0].basis.data}; {metric or 'recall'}{unit} on {split}, {mean_over(rows)}, n trials{marked}\n"
    best = {name: (min if is_lower_better(name) else max)(row.cells[name].mean for row in shown if name in row.cells)
            for name in names}
    yield _line(["", *map(_heading, names), "n"])
    yield _line(["---", *("---:" for _ in names), "---:"])
    for row in shown:
        texts = [cell_text(row.cells.get(name), name) for name in names]
        strong = [f"**{text}**" if name in row.cells and row.cells[name].mean == best[name] else text
                  for name, text in zip(names, texts, strict=True)]
        yield _line([f"{_label(row)}{f' {MARK}' if row.best_adjusted else ''}", *strong, str(row.n)])
    yield ""


def _differences(rows: Sequence[ResultRow], base: ResultRow, words: str, collection: Collection,
                 metric: str | None) -> Iterator[str]:
    split = split_of(rows)
    for mode in MODES:
        shown = shown_metric(rows, mode, metric)
        lists = [found for subset in SHOWN
                 if (found := compared(rows, base, f"{split}/{mode}/{subset}/{shown}", collection))]
        if not lists:
            continue
        several = any(one.difference.blocks > 1 for found in lists for one in found)
        heads = ["p", "p data sets"] if several else ["p"]
        unit = cost_unit(base, shown, collection)
        costs = [f"{unit} a point"] if unit else []
        yield (f"{MODES[mode]} {shown} on {split}: difference to {_escaped(words)}{unit_of_difference(shown)}, [95 %], "
               "p by Holm\n")
        yield _line(["", *(part for found in lists for part in (found[0].metric.split("/")[2], *heads)), *costs])
        yield _line(["---", *("---:" for _ in lists for _ in (0, *heads)), *("---:" for _ in costs)])
        of_rows = [{id(one.row): one for one in found} for found in lists]
        for first in lists[0]:
            cells = [part for found in of_rows for part in _texts(found.get(id(first.row)), several)]
            yield _line([_label(first.row), *cells,
                         *("-" if first.seconds is None else f"{first.seconds:.1f}" for _ in costs)])
        yield ""


def _texts(one: Compared | None, several: bool) -> list[str]:
    if one is None:
        return ["-"] * (2 + several)
    return [difference_text(one.difference, one.metric), p_text(one.p), *([p_text(one.across)] if several else [])]


def _heading(name: str) -> str:
    _, mode, subset, metric = name.split("/")
    return f"{MODES[mode]} {subset} {metric}"


def _label(row: ResultRow) -> str:
    return _escaped(row_label(row.settings))


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: names of rows may have its signs."""
    return "".join(f"\\{letter}" if letter in "\\|*_`<>[]" else letter for letter in text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
