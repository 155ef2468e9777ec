"""The result files of a study in its folder: results.csv, results.json, results.tex, report.html, and differences.csv
where the study names a baseline."""

from __future__ import annotations

from pathlib import Path

from sgg.common.atomic import replaced

from .aggregate import aggregate, collect
from .differences import present
from .differences_table import differences_csv, differences_table
from .formats import render
from .report.content import content
from .report.page import page

REPORT, DIFFERENCES = "report.html", "differences.csv"
TABLES = {"results.csv": "csv", "results.json": "json", "results.tex": "latex"}
"""File -> its format (`formats.render`)."""


def write_results(directory: Path) -> str:
    """Write the result files of a study into its folder. Returns the same results as a table for people."""
    collection = collect([directory])
    rows = aggregate(collection)
    texts = {name: render(rows, form) for name, form in TABLES.items()}
    texts[REPORT] = page(content(collection, rows, [str(directory)], directory))
    table = render(rows, "table", ranked_by=[name for name, _ in collection.objectives])
    if baselines := present(rows, collection.baselines):
        texts[DIFFERENCES] = differences_csv(rows, baselines, collection)
        table += "".join(differences_table(rows, words, collection) for words in baselines)
    for name, text in texts.items():
        with replaced(directory / name) as passing:
            passing.write_text(text, encoding="utf-8")
    return table
