"""The forms in which results are shown, by the names of `--format`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .collection import Collection
from .differences_table import differences_csv, differences_table
from .latex import latex
from .markdown import markdown
from .report.content import content
from .report.page import page
from .result_row import ResultRow
from .row_files import rows_csv, rows_json
from .samples import samples_csv
from .terminal_table import terminal_table


@dataclass(frozen=True)
class Results:
    """What is shown, and how. folders: that were read. baselines: of which each is a row. metric: the one that tables
    and the picture show, for example mR@50; None: they choose. width: of a terminal; None: as if it had 100 columns.
    place: the folder in which a report will lie; None: unknown."""

    collection: Collection
    rows: list[ResultRow]
    folders: Sequence[str]
    baselines: Sequence[str] = ()
    metric: str | None = None
    width: int | None = None
    place: Path | None = None

    @property
    def ranked_by(self) -> list[str]:
        """The metrics by which the search ranks."""
        return [name for name, _ in self.collection.objectives]


def _tables(of: Results) -> str:
    """The table for people, and one for each baseline."""
    return terminal_table(of.rows, of.metric, of.width, of.ranked_by) + "".join(
        differences_table(of.rows, words, of.collection, of.metric, of.width) for words in of.baselines)


def _picture(of: Results) -> str:
    from .differences_picture import differences_svg  # imports matplotlib, which is slow

    return differences_svg(of.rows, of.baselines[0], of.collection, of.metric)


FORMATS: dict[str, Callable[[Results], str]] = {
    "table": _tables,
    "csv": lambda of: rows_csv(of.rows),
    "samples": lambda of: samples_csv(of.rows, of.ranked_by),
    "differences": lambda of: differences_csv(of.rows, of.baselines, of.collection),
    "json": lambda of: rows_json(of.rows),
    "latex": lambda of: latex(of.rows, of.metric),
    "markdown": lambda of: markdown(of.rows, of.baselines, of.collection, of.metric),
    "svg": _picture,
    "html": lambda of: page(content(of.collection, of.rows, of.folders, of.place)),
}
OF_DIFFERENCES = ("differences", "svg")
"""Those that show nothing without a baseline."""
