"""Differences to a baseline as a picture: each row's effect on zero-shot and on all relations, with its interval."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgg.common.metric_names import is_fraction

from .collection import Collection
from .differences import Compared, compared
from .differences_table import SHOWN, against
from .headline import shown_metric, split_of
from .result_row import ResultRow
from .wording import MODES, row_label, scale_of, unit_of_difference

STYLES = {"zs": ("zero-shot", "#0072b2", "o"), "all": ("all relations", "#d55e00", "s")}
"""Of each subset its name, colour and shape. The colours can be told apart by the colour-blind (Okabe and Ito)."""
APART = 0.17
"""How far the two subsets of a row are from its middle."""
WIDTH, HEIGHT_OF_ROW, HEIGHT_OF_REST = 5.0, 0.42, 1.5
"""Inches: of a mode, of a row, and of title, axis and legend."""


@dataclass(frozen=True)
class Panel:
    """A mode: its metric, and the differences of each row by subset."""

    mode: str
    metric: str
    rows: dict[str, dict[str, Compared]]


def differences_svg(rows: Sequence[ResultRow], words: str, collection: Collection,
                    metric: str | None = None) -> str:
    """The picture as SVG, a panel for each mode, of the first data that have the baseline of some words. metric: show
    this one, for example mR@50; None: ngR at the K of the mode. The same rows give the same text.

    Raises ValueError where no data have the baseline, or no other row is measured on them.
    """
    group, base = next(against(rows, words))
    split = split_of(group)
    panels = [panel for mode in MODES if (panel := _panel(
        group, base, split, mode, shown_metric(group, mode, metric), collection)).rows]
    if not panels:
        raise ValueError(f"--format svg: no row was measured on the data of the baseline {words}")
    names = list(dict.fromkeys(name for panel in panels for name in panel.rows))
    figure = Figure(figsize=(2 + WIDTH * len(panels), HEIGHT_OF_REST + HEIGHT_OF_ROW * len(names)),
                    layout="constrained")
    for axis, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
        _draw(axis, panel, names, split)
    figure.suptitle(f"Difference to {words}".replace("$", r"\$"))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    with io.StringIO() as text, mpl.rc_context({"svg.hashsalt": "differences"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _panel(rows: Sequence[ResultRow], base: ResultRow, split: str, mode: str, metric: str,
           collection: Collection) -> Panel:
    found: dict[str, dict[str, Compared]] = {}
    for subset in SHOWN:
        for one in compared(rows, base, f"{split}/{mode}/{subset}/{metric}", collection):
            found.setdefault(row_label(one.row.settings), {})[subset] = one
    return Panel(mode, metric, found)


def _draw(axis: Axes, panel: Panel, names: Sequence[str], split: str) -> None:
    scale = scale_of(panel.metric)
    places = {name: len(names) - 1 - number for number, name in enumerate(names)}
    for side, subset in zip((APART, -APART), SHOWN, strict=True):
        label, colour, marker = STYLES[subset]
        shown = [(places[name] + side, by_subset[subset].difference) for name, by_subset in panel.rows.items()
                 if subset in by_subset]
        axis.plot([scale * one.mean for _, one in shown], [place for place, _ in shown], linestyle="none", color=colour,
                  marker=marker, label=label)
        for place, one in shown:
            if one.low is not None and one.high is not None:
                axis.plot([scale * one.low, scale * one.high], [place, place], color=colour)
    axis.axvline(0, color="0.4", linewidth=1, zorder=0)
    for place in range(1, len(names)):
        axis.axhline(place - 0.5, color="0.9", linewidth=1, zorder=0)
    axis.set_title(f"{MODES[panel.mode]} {panel.metric}")
    what = "points" if is_fraction(panel.metric) else f"difference{unit_of_difference(panel.metric)}"
    axis.set_xlabel(f"{what} on {split}, with the interval of 95 %")
    axis.set_yticks(list(places.values()), [name.replace("$", r"\$") for name in names])
    axis.set_ylim(-0.5, len(names) - 0.5)
    axis.spines[["top", "right"]].set_visible(False)
