"""The axis of the rows of a config, whose values are the names of rows (`sgg/config/loading/named_rows.py`)."""

from __future__ import annotations

from collections.abc import Iterator

from sgg.config import Study
from sgg.config.by_role import role_of
from sgg.config.loading.errors import did_you_mean, one_of
from sgg.config.loading.named_rows import ROW, ROWS, in_row, tried_rows

from .axis import Axis, Values

EPOCHS_KEY = "training.epochs"


def read_rows(leaf: Values) -> Axis:
    """The axis of the rows that are tried, from its leaf in a study."""
    rows = tried_rows({ROW: leaf})
    keys = dict.fromkeys(key for row in rows.values() for key in row)
    return Axis(ROW, leaf["search"], tuple(rows), sets=tuple(keys))


def faults_of_rows(draft: Study) -> list[str]:
    """The faults of each row of a study, each with the row's name, and of the names of baselines. A fault that all rows
    have is one of the file."""
    rows, every = tried_rows(draft.axes), draft.axes.get(ROW, {}).get(ROWS, {})
    invalid = {name: draft.faults_alone({ROW: name}) for name in rows}
    of_file = set[str]().union(*invalid.values()).intersection(*invalid.values())
    faults = [in_row(name, fault) for name, row in rows.items()
              for fault in (*_misplaced(row, draft), *(one for one in invalid[name] if one not in of_file))]
    return faults + [f"search.baseline must name {one_of(list(every))}, got {name!r}{did_you_mean(name, every)}"
                     for name in draft.base.search.baseline if every and name not in every and "=" not in name]


def _misplaced(row: Values, draft: Study) -> Iterator[str]:
    """The faults of the keys of a row."""
    for key in row:
        role = role_of(key)
        if role.acts in ("running", "drawing"):
            yield f"{key} cannot differ between rows, since all trials of a search share it: set it beside the rows"
        elif not (role.searchable or role.swept):
            yield (f"{key} cannot differ between rows, since it does not change the trained model: set it beside the "
                   "rows")
        elif role.block:
            yield f"{key} repeats every row: search it beside the rows"
        elif key in draft.axes:
            yield f"{key} is searched, too: leave out one of them"
        elif key == EPOCHS_KEY and draft.base.search.scheduler in ("asha", "median"):
            yield (f"{key} must be the same in all rows where search.scheduler is {draft.base.search.scheduler}, which "
                   "compares them epoch by epoch")
