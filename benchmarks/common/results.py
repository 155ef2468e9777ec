"""What all benchmarks share: their arguments, the rows they measure, how these are printed and written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sgg.common.parser import add_renamed

Row = dict[str, Any]


def arguments_of(description: str, quick: str) -> argparse.ArgumentParser:
    """A parser that takes what every benchmark takes; quick: what --quick leaves out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    return parser


def add_training(parser: argparse.ArgumentParser, out: str) -> None:
    """Arguments of a benchmark that trains."""
    parser.add_argument("--out", default=out, metavar="DIR", help="the trials; one that is there is not trained again")
    add_root(parser)


def add_root(parser: argparse.ArgumentParser) -> None:
    """The argument that names the folder of the data sets."""
    add_renamed(parser, "--root", "--data", default="data", metavar="DIR",
                help="folder of the data sets, with the toy genome and its detector")


def below(name: str, value: float, unit: str, reference: float | None = None, goal: float | None = None) -> Row:
    """A value that should be at most its goal, beside the baseline's of the same run."""
    return judged(name, value, unit, reference, goal, goal is None or value <= goal)


def times(name: str, value: float, unit: str, reference: float | None = None, goal: float | None = None) -> Row:
    """A value that should be at least `goal` times the baseline's of the same run."""
    return judged(name, value, unit, reference, goal, goal is None or (bool(reference) and value / reference >= goal))


def judged(name: str, value: float, unit: str, reference: float | None, goal: float | str | None, ok: bool) -> Row:
    """A value and whether its goal, in numbers or in words, is reached."""
    return {"name": name, "value": value, "unit": unit, "reference": reference,
            "ratio": value / reference if reference else None, "goal": goal, "ok": ok}


def report(rows: Iterable[Row], options: argparse.Namespace) -> int:
    """Print rows as they are measured, write them; the exit status: 1 where a goal of a full run is missed."""
    measured = []
    for row in rows:
        measured.append(row)
        print(_line(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1))
    return 0 if options.quick or all(row["ok"] for row in measured) else 1


def _line(row: Row) -> str:
    beside = "" if row["reference"] is None else f", beside {row['reference']:,.4g}"
    ratio = "" if row["ratio"] is None else f" (ratio {row['ratio']:.3g})"
    goal = "" if row["goal"] is None else f"; goal {row['goal']}: {'reached' if row['ok'] else 'MISSED'}"
    return f"{row['name']}: {row['value']:,.4g} {row['unit']}{beside}{ratio}{goal}"
