"""The command itself is interrupted or killed, and then resumed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from platform.study.directory import JUDGEMENTS, StudyDirectory
from platform.study.trial_record import FINISHED, RUNNING, STOPPED, TRIAL

import pandas
import psutil
import pytest
from ray_forks import FOLDER, forks

from sgg.common.run_log import TEST, read_rows

# Each driver that is killed or interrupted has a Ray of its own, which must end with it.
pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
COMMAND = """
import sys
from platform import tune
from ray_forks import fork_workers_of_this_process
fork_workers_of_this_process()
from platform.study.entry_points import EntryPoints
sys.exit(tune.main(sys.argv[1:], EntryPoints("ray_stub_fit:open_data", "ray_stub_fit:prepare", "ray_stub_fit:fit")))
"""

KILLED = """
import os, signal
from platform.search.early_stopping import EarlyStopping
judge = EarlyStopping.on_trial_result
def die(self, controller, trial, result):
    if (trial.config["loss.scale"], result["epoch"]) == (2, 2):
        os.kill(os.getpid(), signal.SIGKILL)
    return judge(self, controller, trial, result)
EarlyStopping.on_trial_result = die
""" + COMMAND
"""The same, killed when Tune has a result of the second trial and the rule has not judged it."""


@pytest.fixture
def start(tmp_path, workers_find_the_stub, forks_folder, monkeypatch):
    """Starts the command in a process group of its own; it is gone at the end of the test whatever happens."""
    running = []
    monkeypatch.setenv(FOLDER, forks_folder)

    def begin(*arguments: str, command: str = COMMAND) -> subprocess.Popen[str]:
        with open(tmp_path / "output.txt", "a") as output:
            process = subprocess.Popen([sys.executable, "-c", command, *arguments], cwd=ROOT, text=True, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()


@pytest.fixture(scope="module")
def ends_by_itself():
    """Processes that must be gone after the last of these tests. Nobody tells those of a killed command to end: Ray's
    own look after their parent, and two of them try for a minute to report that it is gone."""
    processes = []
    yield processes
    assert not psutil.wait_procs(processes, timeout=300)[1]


def wait_until(condition, process, seconds=400, pause=0.2):
    """Wait for a condition while the process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        assert process.poll() is None, "ended too soon"
        time.sleep(pause)


def ray_processes(parent: int) -> list[psutil.Process]:
    """What the command started, and what was forked for it."""
    return [*psutil.Process(parent).children(recursive=True), *forks(os.environ[FOLDER])]


def test_tune_names_a_cluster_that_does_not_answer(config_file, start, tmp_path):
    command = start(config_file(), "resources.address=127.0.0.1:9")
    assert command.wait(300) == 2
    printed = (tmp_path / "output.txt").read_text()
    assert "resources.address: no Ray cluster answers at '127.0.0.1:9'" in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "runs").exists()


def test_tune_ends_by_a_signal_while_ray_starts(config_file, start, tmp_path):
    command = start(config_file(), "resources.gpus=0")
    output = tmp_path / "output.txt"
    wait_until(lambda: output.read_text().startswith("data: stub data\n"), command, pause=0.05)
    wait_until(lambda: ray_processes(command.pid), command, pause=0.01)
    children = ray_processes(command.pid)
    command.terminate()
    assert command.wait(300) == 130
    assert output.read_text() == "data: stub data\ninterrupted\n"
    assert not psutil.wait_procs(children, timeout=300)[1]


def test_tune_resumes_after_the_death_of_its_driver(config_file, start, seconds_per_epoch, tmp_path, ends_by_itself):
    """Ended with all of Ray's processes in the first trial, as GNU `timeout` and `scancel` do it, killed in the second,
    and resumed both times. Every epoch is judged once."""
    seconds_per_epoch(1)
    config = config_file("""
loss: {scale: {search: grid, of: [1, 2]}}
training: {epochs: 4}
search: {max_concurrent: 1, scheduler: asha}
resources: {gpus: 0}
""")
    directory = StudyDirectory(tmp_path / "runs" / "a")
    output = tmp_path / "output.txt"

    first = start(config)
    wait_until(lambda: any(record.rows() for record in directory.records()), first)
    children = ray_processes(first.pid)
    os.killpg(first.pid, signal.SIGTERM)
    assert first.wait(60) == 130, output.read_text()  # 4 seconds on an idle machine
    assert "interrupted by SIGTERM" in output.read_text()
    assert "Traceback" not in output.read_text()
    record, = directory.records()
    assert (record.status, record.reason) == (STOPPED, "interrupted")
    assert not psutil.wait_procs(children, timeout=300)[1]

    second = start(config, "--resume", command=KILLED)
    wait_until(lambda: len(directory.records()) > 1 and directory.records()[1].rows(), second)
    ends_by_itself += ray_processes(second.pid)
    assert second.wait(300) == -signal.SIGKILL
    assert [record.status for record in directory.records()] == [FINISHED, RUNNING]

    third = start(config, "--resume")
    assert third.wait(600) == 0, output.read_text()
    records = directory.records()
    assert [record.status for record in records] == [FINISHED, FINISHED]
    for record, scale in zip(records, (1, 2), strict=True):
        assert record.values["loss.scale"] == scale
        assert record.test()["test/sgcls/zs/ngR@100"] == pytest.approx(4 * scale * 0.005)
        # At most the epoch under way was repeated each time, and the first trial was not run again after its end.
        rows = read_rows(record.directory / "metrics.jsonl")
        assert [row["epoch"] for row in rows] in ([1, 2, 3, 4], [1, 1, 2, 3, 4], [1, 2, 2, 3, 4], [1, 2, 3, 3, 4])
        assert rows[-1]["attempt"] <= 2
    assert [(row["trial"], row["epoch"]) for row in read_rows(directory.path / JUDGEMENTS)] == [
        (record.name, epoch) for record in records for epoch in (1, 2, 3)]


def test_tune_resumes_with_fewer_trials_at_a_time(config_file, start, seconds_per_epoch, tmp_path):
    """Interrupted with two of four under way, and resumed with one at a time: those two go on, as the command says, and
    the others wait for them and for each other."""
    seconds_per_epoch(1)
    config = config_file("""
loss: {scale: {search: grid, of: [1, 2, 3, 4]}}
training: {epochs: 3}
search: {max_concurrent: 2, scheduler: "off"}
resources: {gpus: 0}
""")
    directory, output = StudyDirectory(tmp_path / "runs" / "a"), tmp_path / "output.txt"
    command = start(config)
    wait_until(lambda: sum(bool(record.rows()) for record in directory.records()) == 2, command)
    command.terminate()
    assert command.wait(300) == 130
    output.write_text("")

    assert start(config, "--resume", "search.max_concurrent=1").wait(600) == 0, output.read_text()
    printed = output.read_text()
    assert "4 trials, 1 at a time" in printed
    assert "2 of them had begun and are not over: they go on first, as many at a time as there are resources" in printed
    events = re.findall(r"\] +(\w+)  (started|finished)", printed)
    assert [event for _, event in events] == ["started"] * 2 + ["finished"] * 2 + ["started", "finished"] * 2, printed


def test_tune_resumes_without_running_a_trial_twice_or_losing_one(config_file, start, tmp_path):
    """Killed within milliseconds of a trial's end, then of one's beginning, when Tune has hardly heard of either. The
    second time it is Ray that is killed, as when memory runs out; the command notices.

    Optuna's trials have names that are not drawn again, so that one which is forgotten leaves its folder behind.
    """
    config = config_file("""
loss: {scale: {search: uniform, low: 1, high: 9}}
training: {epochs: 2}
search: {trials: 3, algorithm: optuna, max_concurrent: 1}
resources: {gpus: 0}
""")
    directory = StudyDirectory(tmp_path / "runs" / "a")

    def folders():
        return [record.directory for record in directory.records()]

    def written():  # the files change when a trial begins, again or for the first time
        return {record.directory: (record.directory / TRIAL).stat().st_mtime_ns for record in directory.records()
                if record.status == RUNNING}

    command = start(config)
    wait_until(lambda: any((folder / TEST).is_file() for folder in folders()), command, pause=0.005)
    command.kill()
    command.wait()
    before = written()  # the next trial may have begun before the kill
    pace = tmp_path / "data" / "seconds.txt"
    pace.write_text("3600")  # else a trial may be over before the command notices that Ray is gone
    command = start(config, "--resume")
    wait_until(lambda: len(folders()) >= 2 and written().items() - before.items(), command, pause=0.005)
    for process in ray_processes(command.pid):
        if process.name() == "raylet":
            process.kill()
    assert command.wait(300) == 1
    assert "Ray's own processes have ended" in (printed := (tmp_path / "output.txt").read_text())
    assert "Traceback" not in printed
    assert RUNNING not in {record.status for record in directory.records()}
    begun = folders()
    pace.unlink()
    assert start(config, "--resume").wait(600) == 0, (tmp_path / "output.txt").read_text()

    records = directory.records()
    assert len(records) == 3
    assert {*begun} <= {record.directory for record in records}
    assert len({record.values["loss.scale"] for record in records}) == 3
    assert {record.status for record in records} == {FINISHED}
    for record in records:
        rows = [json.loads(line) for line in (record.directory / "metrics.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows] in ([1, 2], [1, 1, 2], [1, 2, 2])
    assert len(pandas.read_csv(directory.path / "results.csv")) == 3


def test_tune_ends_at_once_by_a_second_interrupt(config_file, start, faults, tmp_path):
    """The stand-in never ends; whoever presses twice does not want to wait for anything. Meanwhile another process does
    not get at its trials."""
    faults((1, 2, "hold", 1))
    config = config_file("loss: {scale: {search: grid, of: [1]}}\nresources: {gpus: 0}\n")
    directory = StudyDirectory(tmp_path / "runs" / "a")
    command = start(config)
    wait_until((directory.path / "study.json").is_file, command)
    other = start(config, "--resume")
    assert other.wait(300) == 2
    assert f"a is being run by process {command.pid} on " in (tmp_path / "output.txt").read_text()
    wait_until(lambda: [record for record in directory.records() if record.rows()], command)
    children = ray_processes(command.pid)
    command.send_signal(signal.SIGTERM)  # a batch system's signal counts as the first
    time.sleep(0.3)
    os.killpg(command.pid, signal.SIGINT)  # as a terminal does it
    assert command.wait(300) == 130
    printed = (tmp_path / "output.txt").read_text()
    assert "Traceback" not in printed
    assert "SIGTERM" not in printed
    assert not psutil.wait_procs(children, timeout=300)[1]
    assert len(directory.records()[0].rows()) == 1
