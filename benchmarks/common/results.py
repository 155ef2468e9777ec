"""The common part of all benchmarks: arguments, rows, printing and writing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sgg.common.parser import add_renamed

Row = dict[str, Any]


def arguments_of(description: str, quick: str) -> argparse.ArgumentParser:
    """A parser with the arguments of every benchmark. quick: the help text of --quick."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file")
    return parser


def add_training(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the arguments of a benchmark that trains."""
    parser.add_argument("--out", default=out, metavar="DIR",
                        help="folder of the trials; a trial that is there is not trained again")
    add_root(parser)


def add_root(parser: argparse.ArgumentParser) -> None:
    """The argument that names the folder of the data sets."""
    add_renamed(parser, "--root", "--data", default="data", metavar="DIR",
                help="folder of the data sets, with the toy genome and its detector")


def below(name: str, value: float, unit: str, reference: float | None = None, goal: float | None = None) -> Row:
    """A row whose value should be at most its goal. reference: the baseline's value in the same run."""
    return judged(name, value, unit, reference, goal, goal is None or value <= goal)


def times(name: str, value: float, unit: str, reference: float | None = None, goal: float | None = None) -> Row:
    """A row whose value should be at least `goal` times the baseline's value in the same run."""
    return judged(name, value, unit, reference, goal, goal is None or (bool(reference) and value / reference >= goal))


def judged(name: str, value: float, unit: str, reference: float | None, goal: float | str | None, ok: bool) -> Row:
    """A row with a goal in numbers or in words. ok: whether it is reached."""
    return {"name": name, "value": value, "unit": unit, "reference": reference,
            "ratio": value / reference if reference else None, "goal": goal, "ok": ok}


def report(rows: Iterable[Row], options: argparse.Namespace) -> int:
    """Print rows as they are measured and write them; return 1 if a full run misses a goal, else 0."""
    measured = []
    for row in rows:
        measured.append(row)
        print(_line(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1))
    return 0 if options.quick or all(row["ok"] for row in measured) else 1


def _line(row: Row) -> str:
    reference = "" if row["reference"] is None else f", reference {row['reference']:,.4g}"
    ratio = "" if row["ratio"] is None else f" (ratio {row['ratio']:.3g})"
    goal = "" if row["goal"] is None else f"; goal {row['goal']}: {'reached' if row['ok'] else 'MISSED'}"
    return f"{row['name']}: {row['value']:,.4g} {row['unit']}{reference}{ratio}{goal}"
