"""The result files of a study: results.csv, results.json and report.html in its folder."""

from __future__ import annotations

from pathlib import Path

from sgg.common.atomic import replaced

from .aggregate import aggregate, collect
from .formats import render
from .report.content import content
from .report.page import page

REPORT = "report.html"


def write_results(directory: Path) -> str:
    """Write the result files of a study into its folder. Returns the same results as a table for people."""
    collection = collect([directory])
    rows = aggregate(collection)
    texts = {f"results.{form}": render(rows, form) for form in ("csv", "json")}
    texts[REPORT] = page(content(collection, rows, [str(directory)]))
    for name, text in texts.items():
        with replaced(directory / name) as passing:
            passing.write_text(text, encoding="utf-8")
    return render(rows, "table", ranked_by=[name for name, _ in collection.objectives])
