"""What a command says of its arguments comes before anything heavy is imported."""

import subprocess
import sys

import pytest

HEAVY = "torch", "ray", "zarr"


@pytest.mark.parametrize(("command", "arguments"), [
    ("sgg.evaluate", []), ("sgg.data", ["nothing"]), ("sgg.detector", ["train"]), ("sgg.checkpoint", ["import"]),
    ("sgg.features", ["extract"]), ("sgg.config", ["--nothing"]), ("platform.tune", []), ("platform.train", []),
    ("platform.extract", []), ("platform.results", []), ("sgg.predict", ["trial", "a.jpg"]),
    ("sgg.show", ["zero-shot"]), ("sgg.show", ["predictions", "trial", "--out", "x", "--limit", "0"]),
    ("platform.tune", ["tune_configs/smoke.yaml", "loss.kind=x"])])
def test_main_answers_a_mistake_without_heavy_imports(command: str, arguments: list[str]) -> None:
    """In a process of its own, as this one has torch."""
    code = ("import runpy, sys\n"
            f"sys.argv = {[command, *arguments]!r}\n"
            "try:\n"
            f"    runpy.run_module({command!r}, run_name='__main__', alter_sys=True)\n"
            "except SystemExit as ended:\n"
            f"    print(ended.code, [name for name in {HEAVY!r} if name in sys.modules])\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2 []", done.stderr
