"""Rows of a config: named combinations of settings, for a comparison that is no product of axes.

    rows:
      baseline: {loss: baseline}
      dnorm: {}
      dnorm twice: {training: {f_updates: 2}}

A search tries all rows, beside the values of its other axes. `rows=baseline,dnorm` on the command line chooses some. In
a `Study` the rows are the axis `ROW`. Its leaf lists the names that are tried (`of`), and has the settings of every row
of the file by dotted key (`rows`).
"""

from __future__ import annotations

from typing import Any

from sgg.config.defaults import with_current_keys
from sgg.config.schema import Settings
from sgg.settings.keys import find, flatten

from .errors import did_you_mean, one_of

ROWS, ROW = "rows", "row"
"""The part of a config file that holds rows, and the key of their axis."""

Axes = dict[str, dict[str, Any]]


def taken_out(settings: dict[str, Any], chosen: str | None = None) -> tuple[dict[str, Any], Axes, list[str]]:
    """The nested settings without their rows, the axis of the rows (empty without rows), and the faults of the rows.

    chosen: the names of the rows to try, which commas separate; None: all. Whether the settings of a row are valid, the
    search finds out.
    """
    rest = {key: value for key, value in settings.items() if key != ROWS}
    rows = settings.get(ROWS)
    if ROWS not in settings:
        return rest, {}, [] if chosen is None else [f"{ROWS}={chosen}: the config file has no rows"]
    if not isinstance(rows, dict) or not rows:
        return rest, {}, [f"{ROWS} must be a mapping from names to settings, with at least one, got {rows!r}"]
    faults = [fault for name, row in rows.items() if (fault := _fault_of(name, row))]
    if faults:
        return rest, {}, faults
    kind = "choice" if find(rest, "search.algorithm") == "optuna" else "grid"  # optuna takes no grid
    named = {name: flatten(with_current_keys(Settings, row or {})) for name, row in rows.items()}
    wanted = list(named) if chosen is None else list(dict.fromkeys(name.strip() for name in chosen.split(",")))
    faults = [f"{ROWS} must name {one_of(list(named))}, got {name!r}{did_you_mean(name, named)}"
              for name in wanted if name not in named]
    return rest, {} if faults else {ROW: {"search": kind, "of": wanted, ROWS: named}}, faults


def _fault_of(name: Any, row: Any) -> str:
    if not isinstance(name, str) or not name.strip() or any(letter in name for letter in ",=\n"):
        return f"{ROWS}: the name of a row must be a text without comma, equals sign and line break, got {name!r}"
    if row is not None and not isinstance(row, dict):
        return f"{ROWS}.{name} must be a mapping of settings, got {row!r}"
    if searched := [key.removesuffix(".search") for key in flatten(row or {}) if key.endswith(".search")]:
        return in_row(name, f"{searched[0]} has one value in each row: search it beside the rows, or write a row for "
                            "each value")
    return ""


def in_row(name: Any, fault: str) -> str:
    """A fault of a row, with the row's name."""
    return f"{ROWS}.{name}: {fault}"


def tried_rows(axes: Axes) -> dict[str, dict[str, Any]]:
    """The rows that are tried: of each name the settings by dotted key. Empty without rows."""
    leaf = axes.get(ROW, {"of": [], ROWS: {}})
    return {name: leaf[ROWS][name] for name in leaf["of"]}


def row_of(axes: Axes, name: str | None = None) -> dict[str, Any]:
    """The settings of a row by dotted key; None: of the first that is tried. Empty without rows.

    Raises ValueError for an unknown name.
    """
    rows = tried_rows(axes)
    if name is None:
        return next(iter(rows.values()), {})
    if name not in rows:
        raise ValueError(f"{ROWS}: there is no row {name!r}; there are {', '.join(rows) or 'none'}")
    return rows[name]


def searched_keys(axes: Axes) -> set[str]:
    """The keys in which trials may differ: those of axes, and in place of the rows the keys that any row sets."""
    return {key for key in axes if key != ROW}.union(*axes.get(ROW, {}).get(ROWS, {}).values())


def row_by_row(axes: Axes) -> Axes:
    """The axes with an entry for each row in place of one for all, so that a comparison names the row that differs."""
    return {key: axis for key, axis in axes.items() if key != ROW} | {
        f"{ROWS}.{name}": row for name, row in tried_rows(axes).items()}
