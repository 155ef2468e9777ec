"""What goes wrong in a trial, for real: it raises, its numbers run away, its processes are killed."""

import json
import os
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from platform import train, tune
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FAILED, FINISHED

import psutil
import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]  # each trial is a process of Ray's, and most are replaced


def rows_on_disk(directory: Path) -> list[tuple[int, int]]:
    """(epoch, attempt) of every row ever written."""
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [(row["epoch"], row["attempt"]) for row in rows]


def test_tune_lets_each_fault_meet_its_trial_alone(ray_with_gpus, stub, config_file, faults, tmp_path, capfd):
    faults((2, 2, "raise", 1), (3, 2, "nan", 1), (4, 2, "full", 1), (5, 2, "kill", 1), (6, 2, "kill", 100))
    config = config_file("""
loss: {scale: {search: grid, of: [1, 2, 3, 4, 5, 6]}}
training: {epochs: 3}
search: {max_failures: 1, max_concurrent: 2, scheduler: "off"}
""")
    assert tune.main([config], stub) == 1
    printed, noise = capfd.readouterr()
    assert noise == ""
    records = {record.values["loss.scale"]: record for record in StudyDirectory(tmp_path / "runs" / "a").records()}
    assert {scale: record.status for scale, record in records.items()} == {
        1: FINISHED, 2: FAILED, 3: FAILED, 4: FAILED, 5: FINISHED, 6: FAILED}

    for scale, reason in ((2, "ValueError: the stub raises here"), (3, "FloatingPointError: loss is not finite"),
                          (4, "OSError: [Errno 28] No space left on device")):
        # At once: there was no second attempt. The last good checkpoint stands.
        assert rows_on_disk(records[scale].directory) == [(1, 1)]
        assert (records[scale].directory / "checkpoints" / "epoch_0001" / "meta.json").is_file()
        assert records[scale].reason.startswith(reason)
        assert reason.split(":")[0] in (records[scale].directory / "error.txt").read_text()
        assert f"{records[scale].name} failed: {reason}" in printed
        assert f"{records[scale].directory}/error.txt" in printed

    # The killed worker went on where it was, and ends as if nothing had happened; the hopeless one was given up.
    assert rows_on_disk(records[5].directory) == [(1, 1), (2, 2), (3, 2)]
    assert records[5].test()["test/sgcls/zs/ngR@100"] == pytest.approx(3 * 5 * 0.005)
    assert rows_on_disk(records[6].directory) == [(1, 1)]
    assert not (records[6].directory / "error.txt").exists()
    assert f"{records[6].directory}/log.txt" in printed


@pytest.mark.parametrize("search", ["{scheduler: pbt, trials: 3}", "{scheduler: asha, max_concurrent: 1}"])
def test_tune_survives_a_trial_that_fails_before_its_first_report(ray_with_gpus, stub, config_file, faults, tmp_path,
                                                                search):
    """Schedulers get neither an epoch nor a metric of it. Under ASHA it is the second seed of a configuration."""
    faults((2, 1, "raise", 1))
    seeds = "[0, 1]" if "asha" in search else "0"
    config = config_file("loss: {scale: {search: choice, of: [3, 2, 1]}}\ntraining: {epochs: 2}\n"
                         f"search: {search}\n")
    assert tune.main([config, "search.trials=3", f"experiment.seed={seeds}"], stub) == 1
    records = StudyDirectory(tmp_path / "runs" / "a").records()
    assert len(records) == (6 if "asha" in search else 3)
    failed = [record for record in records if record.status == FAILED]
    assert {record.values["loss.scale"] for record in failed} == {2}
    assert [record.rows() for record in failed] == [[]] * len(failed)
    # Population-based training may give a 2 to others later, after the epoch of the fault.
    assert all(record.values["loss.scale"] != 2 or len(record.rows()) > 1 for record in records if record not in failed)


def test_train_resumes_a_killed_trial_process_and_frees_its_gpu(ray_with_gpus, stub, config_file, tmp_path,
                                                               seconds_per_epoch, monkeypatch):
    """All four GPUs belong to one trial, so that it could not go on if the lost process still held them."""
    from platform.callbacks.live_table import LiveTable

    seen = LiveTable.on_trial_result

    def kill_after_the_first_epoch(self, iteration, trials, trial, result, **info):
        seen(self, iteration, trials, trial, result, **info)
        if result["epoch"] == 1 and result["attempt"] == 1:
            psutil.Process(result["pid"]).kill()

    monkeypatch.setattr(LiveTable, "on_trial_result", kill_after_the_first_epoch)
    seconds_per_epoch(0.5)
    assert train.main([config_file(), "training.epochs=6", "resources.gpus=4", "resources.workers=1"], stub) == 0
    record, = StudyDirectory(tmp_path / "runs" / "a").records()
    assert record.status == FINISHED
    assert [row["epoch"] for row in record.rows()] == [1, 2, 3, 4, 5, 6]
    assert max(attempt for _, attempt in rows_on_disk(record.directory)) == 2


def test_tune_counts_lost_workers_for_each_trial(ray_with_gpus, stub, config_file, faults, tmp_path):
    """Each of three trials, one after another in the same processes, may lose its worker once, and does."""
    faults((1, 2, "kill", 1), (2, 2, "kill", 1), (3, 3, "kill", 1))
    config = config_file("""
loss: {scale: {search: grid, of: [1, 2, 3]}}
training: {epochs: 3}
search: {max_failures: 1, max_concurrent: 1, scheduler: "off"}
""")
    assert tune.main([config], stub) == 0
    assert [rows_on_disk(record.directory) for record in StudyDirectory(tmp_path / "runs" / "a").records()] == [
        [(1, 1), (2, 2), (3, 2)], [(1, 1), (2, 2), (3, 2)], [(1, 1), (2, 1), (3, 2)]]


class Jobs:
    """An actor that does jobs by a run, as a trial does."""

    def __init__(self, function, **settings):
        from platform.trial.train_run import TrainRun

        self.run = TrainRun(function, name="a", resources={"CPU": 2}, max_failures=0, **settings)

    def do(self, number):
        """The reports from a job of this number, and whether the workers may do another one then."""
        self.run.begin({"number": number})
        return list(iter(self.run.next_report, None)), self.run.is_free

    def stop(self):
        self.run.stop()


@pytest.fixture
def start_jobs(ray_with_gpus, tmp_path):
    """Starts such an actor. It ends after the test."""
    import ray

    with ExitStack() as actors:
        def start(function, **settings):
            actor = ray.remote(num_cpus=0)(Jobs).remote(function, storage=str(tmp_path), **settings)
            actors.callback(lambda: ray.get(actor.stop.remote()))
            return lambda number: ray.get(actor.do.remote(number))
        yield start


def report_process(arguments, report):
    """A job that reports its number, and where it runs."""
    import ray.train

    report({"number": arguments["number"], "process": os.getpid(),
            "workers": ray.train.get_context().get_world_size()})


@pytest.mark.parametrize("workers", [1, 2])
def test_train_run_does_a_second_job_with_the_same_workers(start_jobs, workers):
    do = start_jobs(report_process, workers=workers)
    (first,), free = do(1)
    (second,), still_free = do(2)
    assert free
    assert still_free
    assert first == {"number": 1, "process": first["process"], "workers": workers}
    assert second == first | {"number": 2}


def test_train_run_starts_workers_again_where_they_have_waited_too_long(start_jobs):
    do = start_jobs(report_process, idle_s=0.1)
    (first,), _ = do(1)
    while psutil.pid_exists(first["process"]):
        time.sleep(0.05)
    (second,), free = do(2)
    assert free
    assert second["number"] == 2
    assert second["process"] != first["process"]


def test_train_run_reports_a_fault_of_ray_as_a_failure(ray_with_gpus, tmp_path):
    """What cannot be sent to a worker is no fault of the training function."""
    from platform.trial.train_run import TrainRun

    from ray.train import TrainingFailedError

    run = TrainRun(partial(report_process, threading.Lock()), name="unsent", storage=str(tmp_path),
                   resources={"CPU": 1}, max_failures=0)
    run.begin({})
    with pytest.raises(TrainingFailedError, match="cannot pickle"):
        run.next_report()
    assert not run.is_free
    run.stop()
