"""When the workers of a run may do another job."""

import json
import threading
from pathlib import Path
from platform.trial import train_run
from platform.trial.jobs import DONE_KEY, JOB_KEY
from platform.trial.train_run import TrainRun

import pytest


class IdleFault:
    """Does one job, and fails when `ends` is set, while it waits for another."""

    ends = threading.Event()

    def __init__(self, function, *, train_loop_config, on_report, **settings):
        self._file, self._report, self.lost_workers = Path(train_loop_config["file"]), on_report, 0

    def fit(self):
        job = json.loads(self._file.read_text())["name"]
        self._report({JOB_KEY: job, DONE_KEY: True})
        self.ends.wait()
        raise OSError("stale file handle")

    def cancel(self):
        pass


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(train_run, "ThreadTrainer", IdleFault)
    monkeypatch.setattr(IdleFault, "ends", threading.Event())
    return TrainRun(print, name="a", storage=str(tmp_path), resources={"CPU": 1}, max_failures=0)


def test_run_that_failed_while_it_waited_does_not_get_the_next_job(run):
    run.begin({})
    assert run.next_report() is None
    assert run.is_free
    IdleFault.ends.set()
    first = run._started
    first._thread.join()
    assert not run.is_free
    run.begin({})  # by new workers
    assert run._started is not first
    assert run.next_report() is None
    run.stop()
