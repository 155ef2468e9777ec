"""Reading annotation must not wait for torch: its faults are answered in less time than that import takes."""

import subprocess
import sys


def test_data_imports_no_torch() -> None:
    code = "import sys, sgg.data; print([name for name in ('torch', 'torchvision', 'ray') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_data_imports_batches_when_asked_for() -> None:
    from sgg.data import Batches, load_batches

    assert Batches.__name__ == "Batches"
    assert load_batches.__module__ == "sgg.data.loading.loader"
