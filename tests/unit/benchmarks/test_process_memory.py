"""The memory of a process is its own, whatever the process held that started it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.common.process_memory import status_bytes

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
HELD = 2**28


def test_status_bytes_of_a_child_leave_out_what_its_parent_holds() -> None:
    held = np.ones(HELD, np.uint8)
    code = "from benchmarks.common.process_memory import status_bytes; print(status_bytes('VmHWM'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=BENCHMARKS.parent)
    assert status_bytes("VmRSS") > len(held) == HELD
    assert int(done.stdout) < HELD


def test_no_benchmark_asks_for_the_peak_that_a_child_takes_over() -> None:
    files = [*BENCHMARKS.rglob("*.py")]
    assert files
    assert not [path.name for path in files if "ru_maxrss" in path.read_text()]
