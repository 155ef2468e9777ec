"""Result rows as a table for a paper, in LaTeX.

`pandas.DataFrame.to_latex` needs one more package, jinja2, and the tables per basis would have to be made for it too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sgg.common.metric_names import DETECTION_COUNTS, TABLE_SUBSETS, headline_k

from .basis import by_basis
from .headline import measured_metrics, split_of
from .result_row import ResultRow
from .wording import MODES, cell_text, mean_over, setting_text, short_names, unit_of

LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$",
         "±": r"$\pm$"}
"""Characters that a backslash before them does not make plain in LaTeX."""


def latex(rows: Sequence[ResultRow], metric: str | None = None) -> str:
    """A table for the rows on each data. metric: show this one, for example mR@50; None: ngR@100, or ngR at the largest
    measured K."""
    blocks = []
    for basis, group in by_basis(rows).items():
        names = _columns(group, metric)
        head = [*map(_escaped, short_names(list(group[0].settings))), *map(_heading, names), "n", "status"]
        body = [[_escaped(text) for text in _cells(row, names)] for row in group]
        lines = ["\n".join(f"% {line}" for line in str(basis).splitlines()), f"% {_caption(group, names)}",
                 rf"\begin{{tabular}}{{{'l' * len(group[0].settings)}{'r' * (len(names) + 1)}l}}", r"\hline",
                 " & ".join(head) + r" \\", r"\hline", *(" & ".join(line) + r" \\" for line in body), r"\hline",
                 r"\end{tabular}"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _columns(rows: Sequence[ResultRow], metric: str | None) -> list[str]:
    """The names of the metrics to show: `metric` (see `latex`) for each measured mode and subset. With SGDet also on
    how many images the detector fell back or failed. All are of the test set, or of validation without a test."""
    measured = {name for row in rows for name in row.cells}
    metric = metric or _headline(measured_metrics(rows))
    split = split_of(rows)
    wanted = [f"{split}/{mode}/{subset}/{metric}" for mode in MODES for subset in TABLE_SUBSETS]
    shown = [name for name in wanted if name in measured]
    if any(name.startswith(f"{split}/sgdet/") for name in shown):
        shown += [name for count in DETECTION_COUNTS if (name := f"{split}/sgdet/{count}") in measured]
    return shown


def _headline(measured: set[str]) -> str:
    ks = [int(name.removeprefix("ngR@")) for name in measured if re.fullmatch(r"ngR@\d+", name)]
    return f"ngR@{headline_k(ks or [100])}"


def _heading(name: str) -> str:
    _, mode, what, *_ = name.split("/")
    return f"{MODES[mode]} {what}"


def _cells(row: ResultRow, names: list[str]) -> list[str]:
    return [*(setting_text(value) for value in row.settings.values()),
            *(cell_text(row.cells.get(name), name) for name in names), str(row.n), row.status]


def _caption(rows: Sequence[ResultRow], names: list[str]) -> str:
    if not names:
        return "no metrics yet"
    split, _, _, metric = names[0].split("/")
    return f"{metric}{unit_of(metric)} on {split}, {mean_over(rows)}, n trials"


def _escaped(text: str) -> str:
    return re.sub(r"[&%$#_{}\\~^<>±]", lambda found: LATEX.get(found[0], f"\\{found[0]}"), text)
