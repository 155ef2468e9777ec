"""The result files of a study: results.csv and results.json in its folder."""

from __future__ import annotations

from pathlib import Path

from sgg.common.atomic import replaced

from .aggregate import aggregate, collect
from .formats import render


def write_results(directory: Path) -> str:
    """Write results.csv and results.json of a study into its folder. Returns the same results as a table for people."""
    rows = aggregate(collect([directory]))
    for form in ("csv", "json"):
        with replaced(directory / f"results.{form}") as passing:
            passing.write_text(render(rows, form), encoding="utf-8")
    return render(rows, "table")
