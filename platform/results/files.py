"""The result files of a study in its folder: results.csv, results.json, results.tex, report.html, and differences.csv
where the study names a baseline."""

from __future__ import annotations

from pathlib import Path

from sgg.common.atomic import replaced

from .aggregate import aggregate
from .collection import collect
from .differences import present
from .formats import FORMATS, OF_DIFFERENCES, Results

FILES = {"results.csv": "csv", "results.json": "json", "results.tex": "latex", "report.html": "html",
         "differences.csv": "differences"}
"""File -> its format."""


def write_results(directory: Path) -> str:
    """Write the result files of a study into its folder. Returns the same results as a table for people."""
    collection = collect([directory])
    rows = aggregate(collection)
    baselines = present(rows, collection.baselines)
    results = Results(collection, rows, [str(directory)], baselines, place=directory)
    texts = {name: FORMATS[form](results) for name, form in FILES.items() if baselines or form not in OF_DIFFERENCES}
    for name, text in texts.items():
        with replaced(directory / name) as passing:
            passing.write_text(text, encoding="utf-8")
    return FORMATS["table"](results)
