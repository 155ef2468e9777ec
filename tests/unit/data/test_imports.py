"""Reading annotation must not wait for torch: its faults are answered in less time than that import takes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path


def test_data_imports_no_torch() -> None:
    code = "import sys, sgg.data; print([name for name in ('torch', 'torchvision', 'ray') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_data_imports_batches_when_asked_for() -> None:
    from sgg.data import Batches, load_batches

    assert Batches.__name__ == "Batches"
    assert load_batches.__module__ == "sgg.data.loading.loader"


def test_verify_imports_no_torch(tmp_path) -> None:
    """Nor for files that were derived from the data: a detector, and a damaged store."""
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path, dirs_exist_ok=True)
    for path, content in (("detectors/tiny/detector.json", {"hash": "h"}), ("features/a.zarr/zarr.json", {})):
        (tmp_path / "cache" / path).parent.mkdir(parents=True)
        (tmp_path / "cache" / path).write_text(json.dumps(content))
    code = ("import sys; from sgg.data.__main__ import main; status = main(sys.argv[1:]); "
            "print(status, [name for name in ('torch', 'ray') if name in sys.modules])")
    words = ["verify", "--data", "custom", "--root", str(tmp_path), "--json", str(tmp_path / "found.json")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1 []"
    found = {finding["kind"] for finding in json.loads((tmp_path / "found.json").read_text())["findings"]}
    assert {"derived files of other annotation", "derived files that are damaged"} <= found
