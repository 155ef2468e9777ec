"""The tutorial is true: each of its commands runs, in its order, from an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ray_forks import FOLDER

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "TUTORIAL.md"
INSTALL = "python -m venv .venv && . .venv/bin/activate && pip install -e ."
PYTHON = f"""
import os, runpy, sys
sys.path[:1] = [os.getcwd(), {str(Path(__file__).parent)!r}]
_, _, module, *words = sys.argv
sys.argv = [module, *words]
if module.startswith("platform."):
    from ray_forks import fork_workers_of_this_process
    fork_workers_of_this_process()
if [module, *words][:2] == ["sgg.data", "toy"]:
    from sgg.data.toy.genome import Sizes
    Sizes.__init__.__defaults__ = (32, 8, 12, 24)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""`python -m MODULE WORD...`, where the toy genome has 32/8/12 images and 24 for the detector, and Ray's workers are
forks of one process."""


def commands() -> list[str]:
    return re.findall(r"^    (.+)$", PAGE.read_text(), re.M)


@pytest.fixture
def clone(tmp_path: Path, forks_folder: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a clone of the repository without data and runs."""
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("sgg", "platform", "tune_configs", "examples"):
        (clone / name).symlink_to(ROOT / name)
    (tmp_path / "python.py").write_text(PYTHON)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "python"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "python.py"}" "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv(FOLDER, forks_folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return clone


@pytest.mark.ray
@pytest.mark.slow  # three searches, each with a Ray and processes of its own: that is what the page shows
def test_tutorial_commands_run(clone: Path) -> None:
    first, *others = commands()
    assert first == INSTALL  # the tests of a clone run where this was done
    assert len(others) >= 15
    for command in others:
        done = subprocess.run(["bash", "-euc", command], cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    written = {str(path.relative_to(clone)) for pattern in ("runs/*/report.html", "graphs/*", "*.html",
                                                            "pictures/*/index.html") for path in clone.glob(pattern)}
    assert {*(f"runs/{name}/report.html" for name in ("tutorial", "motifs", "smoothed")), "both.html",
            "graphs/10001.jpg.json", "graphs/10001.jpg.graph.png",
            *(f"pictures/{name}/index.html" for name in ("zero-shot", "perturbations", "predictions"))} <= written
