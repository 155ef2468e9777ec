"""The tutorial is true: each of its commands runs, in its order, from an empty folder."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "TUTORIAL.md"
INSTALL = "python -m venv .venv && . .venv/bin/activate && pip install -e ."


def commands() -> list[str]:
    return re.findall(r"^    (.+)$", PAGE.read_text(), re.M)


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
