"""Run all benchmarks, one after another, and write the table of goals in RESULTS.md.

    python benchmarks/all.py [--quick] [--only NAME,...] [--list]

The rows of every benchmark go to benchmarks/results.json, with the command, the commit, the machine and the date. The
table in RESULTS.md, between two marks, is made from that file; all else in RESULTS.md is written by hand and stays. A
benchmark that fails keeps its former rows, and the next one runs. --only: some of them, in the order of --list. --list:
prints their commands. --quick: passes --quick on, and writes nothing. What needs GPUs is not among them:
`benchmarks/gpu.sh`, `benchmarks/two_gpus.sh`.

A full run takes about 3 hours on two idle cores, of which training for `learning` and `generator` is the largest part,
and 12 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.older import BEFORE_MAPS, FIRST_EDITION
from sgg.common.atomic import replaced, write_json
from sgg.common.versions import program

FOLDER = Path(__file__).resolve().parent
RESULTS, TABLE = FOLDER / "results.json", FOLDER / "RESULTS.md"
OLDER = ("--against", FIRST_EDITION)
COMMANDS: dict[str, tuple[str, ...]] = {
    "annotations": ("annotations.py",),
    "coco_relations": ("coco_relations.py",),
    "images": ("images.py",),
    "evaluator": ("evaluator.py",),
    "perturb": ("perturb.py",),
    "features": ("features.py",),
    "heads": ("heads.py",),
    "step": ("step.py", *OLDER),
    "step_growth": ("step_growth.py",),
    "step_memory": ("step_memory.py",),
    "full_scale": ("full_scale.py",),
    "epoch": ("epoch.py", *OLDER),
    "epoch_toy": ("epoch.py", "--toy", *OLDER),
    "epoch_toy_gan": ("epoch.py", "--toy", "--gan"),
    "same_losses": ("same_losses.py",),
    "evaluation": ("evaluation.py",),
    "adjustments": ("adjustments.py",),
    "evaluation_epoch": ("evaluation_epoch.py", "--against", BEFORE_MAPS),
    "report": ("report.py",),
    "toy_room": ("toy_room.py",),
    "learning": ("learning.py",),
    "generator": ("generator.py",),
    "predict": ("predict.py", "runs/learning/dnorm-0"),  # after `learning`, which trains it
    "sgdet": ("sgdet.py",),
    "departures": ("departures.py", "--images", "160"),
    "trial_cost": ("trial_cost.py", "--trials", "10"),
}
"""The words of each benchmark's command, in the order of a full run."""
QUICK_WORDS = {"predict": ("predict.py", "runs/learning-quick/dnorm-0")}
"""Those that differ with --quick."""
BEGIN, END = "<!-- made by benchmarks/all.py: begin -->", "<!-- made by benchmarks/all.py: end -->"
Results = dict[str, dict[str, Any]]


def main() -> int:
    """Run, write; return 1 if a benchmark failed or missed a goal, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="as a test that they run; nothing is written")
    parser.add_argument("--only", metavar="NAME,...", help="some of them")
    parser.add_argument("--list", action="store_true", help="print the commands and end")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [*COMMANDS]
    if unknown := [name for name in names if name not in COMMANDS]:
        parser.error(f"--only: there is no benchmark {', '.join(unknown)}; there are {', '.join(COMMANDS)}")
    if options.list:
        print("\n".join(f"{name}: {command_of(name, options.quick)}" for name in names))
        return 0
    statuses = [run(name, options.quick) for name in COMMANDS if name in names]
    return 0 if not any(statuses) else 1


def command_of(name: str, quick: bool) -> str:
    """The command of a benchmark, as a user types it."""
    return " ".join(["python", f"benchmarks/{_words(name, quick)[0]}", *_words(name, quick)[1:], *["--quick"] * quick])


def run(name: str, quick: bool) -> int:
    """Run a benchmark; write its rows and the table unless `quick`. Returns its exit status."""
    print(f"\n== {command_of(name, quick)}", flush=True)
    script, *words = _words(name, quick)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        status = subprocess.run([sys.executable, str(FOLDER / script), *words, *["--quick"] * quick, "--json",
                                 str(path)], cwd=FOLDER.parent, check=False).returncode
        rows = json.loads(path.read_text()) if path.exists() else None
    if rows is None:
        print(f"{name} failed (exit status {status}): its former rows stay", file=sys.stderr)
        return status or 1
    if not quick:
        results: Results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        results[name] = {"command": command_of(name, quick), "commit": program()["commit"], "machine": machine(),
                         "date": str(date.today()), "minutes": round((time.monotonic() - begun) / 60, 1), "rows": rows}
        write_json(RESULTS, results)
        write_table(results)
    return status


def machine() -> str:
    """The processor, its cores, a GPU if there is one, and torch."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    gpu = [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    return ", ".join([*models[:1], f"{os.cpu_count()} cores", *gpu, f"torch {torch.__version__}"])


def write_table(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the table of all rows with a goal between the marks in RESULTS.md; at its end where there are no marks."""
    text = TABLE.read_text()
    before, mark, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if bool(mark) != bool(closed):
        raise ValueError(f"{TABLE} has only one of the marks {BEGIN!r} and {END!r}: delete it and run this again")
    if not mark:
        before, after = text.rstrip("\n") + "\n\n", "\n"
    with replaced(TABLE) as path:
        path.write_text(before + BEGIN + "\n" + table_of(results) + END + after)


def table_of(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The section of RESULTS.md."""
    lines = ["## Goals, as last measured: `python benchmarks/all.py`", ""]
    for name in (name for name in COMMANDS if name in results):
        one = results[name]
        goals = [row for row in one["rows"] if row["goal"] is not None]
        lines += [f"`{one['command']}`: {one['date']}, commit {str(one['commit'])[:7]}, {one['minutes']} min on "
                  f"{one['machine']}; {len(one['rows'])} rows, {len(goals)} with a goal"
                  + (".\n" if not goals else ":\n")]
        if goals:
            lines += ["| | value | reference | goal | |", "|---|---|---|---|---|", *map(_line, goals), ""]
    return "\n".join(lines)


def _line(row: Mapping[str, Any]) -> str:
    reference = "" if row["reference"] is None else f"{row['reference']:,.4g}"
    cells: Sequence[str] = (row["name"], f"{row['value']:,.4g} {row['unit']}", reference, str(row["goal"]),
                            "reached" if row["ok"] else "**missed**")
    return f"| {' | '.join(cells)} |"


def _words(name: str, quick: bool) -> tuple[str, ...]:
    return QUICK_WORDS.get(name, COMMANDS[name]) if quick else COMMANDS[name]


if __name__ == "__main__":
    sys.exit(main())
