"""One Ray for the tests of a session that need one, with four GPUs that exist in its books only."""

import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
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
        patch.setenv("RAY_preload_python_modules", "platform.trial.trainable,platform.trial.worker")
        yield


@pytest.fixture
def forks_folder():
    """For the sockets of `ray_forks`, whose paths may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="r") as name:
        yield name


@pytest.fixture
def clone(tmp_path, forks_folder, monkeypatch):
    """A folder that looks like a clone of the repository, in which the commands of the pages run."""
    from ray_forks import FOLDER
    from small_clone import make_clone

    monkeypatch.setenv("PATH", make_clone(tmp_path))
    monkeypatch.setenv(FOLDER, forks_folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path / "clone"


shared_ray = ExitStack()


@pytest.fixture
def ray_with_gpus(workers_find_the_stub):
    """A local Ray of 4 CPUs and 4 GPUs, whatever this machine has; one for all tests that ask for it in a row."""
    from platform.cluster.session import ray_session

    import ray
    from ray_forks import forked_workers

    if not ray.is_initialized():
        folder = shared_ray.enter_context(tempfile.TemporaryDirectory(prefix="r"))
        shared_ray.enter_context(forked_workers(folder, imported=("ray.train.torch", "sgg.training.fit")))
        shared_ray.enter_context(ray_session("local", "tests", num_cpus=4, num_gpus=4))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem):
    """A Ray that no test asks for any more only takes memory."""
    if nextitem is None or "ray_with_gpus" not in nextitem.fixturenames:
        shared_ray.close()


@pytest.fixture
def stub():
    """The parts of a study that train nothing."""
    from platform.study.entry_points import EntryPoints

    return EntryPoints("ray_stub_fit:open_data", "ray_stub_fit:prepare", "ray_stub_fit:fit")


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


BROWSERS = "chromium", "chromium-browser", "google-chrome"


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, driven by selenium (`apt-get install chromium chromium-driver`)."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install -e '.[test]'")
    program, driver = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield running
    running.quit()
