"""The page of a report: the template with its style sheet, scripts and content in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.common.atomic import to_json

FOLDER = Path(__file__).parent
SCRIPTS = ("statistics.js", "dom.js", "columns.js", "state.js", "marks.js", "axes.js", "main_table.js", "charts.js",
           "quality_charts.js", "search_charts.js", "predicate_charts.js", "pictures.js", "trial_table.js", "start.js")
"""In the order of use: each may use those before it."""


def page(content: dict[str, Any]) -> str:
    """The whole HTML file of the content of a report (`content.report_of`). It loads nothing else.

    The content stands in a script element of type JSON, in which `<` is written as an escape: no text of a run can end
    the element. The scripts put texts into the page as text nodes only.
    """
    filled = (FOLDER / "page.html").read_text(encoding="utf-8")
    parts = {"style": (FOLDER / "style.css").read_text(encoding="utf-8"),
             "script": "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS),
             "content": to_json(content).replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")}
    for name, text in parts.items():
        before, _, after = filled.partition(f"{{{{{name}}}}}")
        filled = f"{before}{text}{after}"
    return filled
