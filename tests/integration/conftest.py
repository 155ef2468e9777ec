"""One Ray for the tests of a session that need one, with four GPUs that exist in its books only."""

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def workers_find_the_stub():
    """Ray's workers import `ray_stub_fit` by name. While they wait for work they import what every trial needs: that is
    most of the time that a trial of the stand-in takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])))
        patch.setenv("RAY_preload_python_modules", "platform.trial,platform.worker")
        yield


@pytest.fixture(scope="session")
def ray_with_gpus(workers_find_the_stub):
    """A local Ray of 4 CPUs and 4 GPUs, whatever this machine has."""
    from platform.ray_session import ray_session

    with ray_session("local", "tests", num_cpus=4, num_gpus=4) as resources:
        yield resources


@pytest.fixture
def stub():
    """The parts of a study that train nothing."""
    from platform.parts import Parts

    return Parts("ray_stub_fit:open_data", "ray_stub_fit:prepare", "ray_stub_fit:fit")


@pytest.fixture
def config_file(tmp_path):
    """Writes a config whose run goes to `tmp_path/runs/a`."""
    def write(text: str = "") -> str:
        path = tmp_path / "config.yaml"
        path.write_text(f"experiment: {{name: a, output: {tmp_path / 'runs'}, seed: 0}}\n"
                        f"data: {{root: {tmp_path / 'data'}}}\n{text}")
        return str(path)
    return write


@pytest.fixture
def seconds_per_epoch(tmp_path):
    """Sets the pace of the stand-in."""
    def write(seconds: float) -> None:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "seconds.txt").write_text(str(seconds))
    return write


@pytest.fixture
def faults(tmp_path):
    """Tells the stand-in what to do wrong: (loss.scale, epoch, what, how often)."""
    def write(*entries: tuple[float, int, str, int]) -> None:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "faults.json").write_text(json.dumps([
            {"key": "loss.scale", "value": value, "epoch": epoch, "do": what, "times": times}
            for value, epoch, what, times in entries]))
    return write
