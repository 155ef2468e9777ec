"""An older commit beside this one: its files in a temporary folder, its benchmarks in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
FIRST_EDITION = "feb61e0"
"""The last commit of the first edition."""
BEFORE_MAPS = "20e5236"
"""The last commit before the detector's maps were stored."""
MISSED_GOAL = 1
"""The exit status of a benchmark that missed a goal, which has its results."""


@contextmanager
def files_of(commit: str) -> Iterator[Path]:
    """The folder of a worktree of `commit`, which is removed afterwards. Raises ValueError for an unknown commit."""
    with tempfile.TemporaryDirectory(prefix="older-") as name:
        folder = Path(name) / "tree"
        added = _git("worktree", "add", "--detach", str(folder), commit)
        if added.returncode:
            raise ValueError(f"--against: git has no files of commit {commit!r}: {added.stderr.strip()}")
        try:
            yield folder
        finally:
            _git("worktree", "remove", "--force", str(folder))


def run_in(folder: Path, *words: str, allowed: int = 0) -> None:
    """Run Python with these words in a worktree, whose files it imports. allowed: an exit status that is no failure.

    Raises RuntimeError with the last lines of its errors where it fails.
    """
    done = subprocess.run([sys.executable, *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
                          capture_output=True, text=True, check=False)
    if done.returncode not in (0, allowed):
        raise RuntimeError(_said(folder, words, f"exit status {done.returncode}\n{done.stderr}"))


def train_in(folder: Path, script: str, settings: dict[str, Any], out: Path, *words: str) -> None:
    """Run a script of `benchmarks/common` with the files of a worktree. It trains by the settings and writes `out`, a
    path in a folder of its own. words: its other arguments. Raises what `run_in` raises."""
    file = out.with_name("settings.json")
    file.write_text(json.dumps(settings))
    run_in(folder, "-P", str(HERE / "benchmarks" / "common" / script), str(file), str(out), *words)


def json_of(folder: Path, *words: str) -> Any:
    """What a command of a worktree writes with `--json`. Raises what `run_in` raises."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "results.json"
        run_in(folder, *words, "--json", str(path), allowed=MISSED_GOAL)
        if not path.exists():
            raise RuntimeError(_said(folder, words, "it has written no results"))
        return json.loads(path.read_text())


def step_seconds(folder: Path, quick: bool) -> dict[bool, float]:
    """Seconds of a step of paper size in a worktree: without (False) and with the GAN (True)."""
    options = ["--quick"] if quick else []
    if (folder / "benchmarks" / "step.py").exists():
        rows = json_of(folder, "benchmarks/step.py", "--alone", *options)
        return {gan: next(row["value"] for row in rows if row["name"] == alone_name(gan)) for gan in (False, True)}
    row, = json_of(folder, "benchmarks/training_step.py", *options)
    return {False: row["reference"], True: row["value"]}


def alone_name(gan: bool) -> str:
    """The name of the row of a step's time in `benchmarks/step.py --alone`."""
    return f"step/alone/{'with' if gan else 'without'}_gan"


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, text=True, check=False)


def _said(folder: Path, words: Sequence[str], errors: str) -> str:
    return f"{' '.join(words)} failed in {folder}: " + " | ".join(errors.strip().splitlines()[-5:])
