import os
import time
from platform.callbacks.trackers import (
    TensorBoardTracker,
    Tracker,
    WandbTracker,
    reference_name,
    scalars_of,
    trackers,
    write_epochs,
)
from platform.study.directory import StudyDirectory
from platform.study.trial_record import TrialRecord
from types import SimpleNamespace

import pandas as pd
import pytest
import wandb

from sgg.common.atomic import write_json
from sgg.common.run_log import History
from sgg.config import load


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("loss: {scale: {search: grid, of: [1, 2]}}")
    return load(path, [f"experiment.output={tmp_path}", "experiment.name=a"])


def tune_trial(name):
    return SimpleNamespace(trial_id=name, config={"study": "x", "loss.scale": 2, "experiment.seed": 3}, last_result={})


def report(tracker, directory, trial, epoch, **values):
    """An epoch's row goes to disk. Tune gets a part of it."""
    folder = directory.trial(trial.trial_id)
    folder.mkdir(parents=True, exist_ok=True)
    History(folder).append(epoch, values)
    tracker.on_trial_result(0, [], trial, {"epoch": epoch})


def wait_for(value, seconds=20):
    """What a callable returns once it is something: W&B handles values in the background."""
    end = time.monotonic() + seconds
    while value() is None and time.monotonic() < end:
        time.sleep(0.2)
    return value()


def test_reference_name():
    expected = {
        "test/sgcls/zs/ngR@100": "sgcls/test_zs_R@100_NOGC",
        "val/predcls/all/R@20": "predcls/val_alls_R@20_GC",
        "test/sgcls/all/mR@50": "sgcls/test_alls_mR@50_GC",
        "test/sgcls/10s/ng-mR@50": "sgcls/test_10s_mR@50_NOGC",
        "test/sgcls/all/triplet-R@5": "sgcls/test_alls_R@5_triplet",
        "test/sgcls/all/triplet-R@5-weighted": "sgcls/test_alls_R@5_triplet_norm",
        "test/sgcls/all/triplet-rank-mean-weighted": "sgcls/test_alls_meanrank_triplet_norm",
        "test/sgcls/all/triplet-rank-class-median": "sgcls/test_alls_medianrankclass_triplet",
        "val/sgcls/zs/num_images": "val/sgcls/zs/num_images", "loss": "loss"}
    assert {name: reference_name(name) for name in expected} == expected


def test_trackers_are_off_unless_asked_for(study):
    assert trackers(study, StudyDirectory.of(study)) == []


def test_wandb_tracker_makes_one_run_a_trial_offline_and_writes_no_key(study, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    study = load(tmp_path / "a.yaml", [f"experiment.output={tmp_path}", "experiment.name=a", "tracking.wandb=offline"])
    tracker, trial = WandbTracker(study, StudyDirectory.of(study)), tune_trial("t0")
    StudyDirectory.of(study).path.mkdir()
    runs, begin = [], wandb.init
    monkeypatch.setattr(wandb, "init", lambda **settings: runs.append(begin(**settings)) or runs[-1])
    tracker.on_trial_start(0, [], trial)
    run, = runs
    assert (run.id, run.group, run.config["loss.scale"]) == ("t0", "a", 2)
    report(tracker, StudyDirectory.of(study), trial, 1, loss=0.5, **{"val/sgcls/zs/ngR@100": 0.25})
    report(tracker, StudyDirectory.of(study), trial, 2, loss=0.4)
    assert wait_for(lambda: dict(run.summary).get("sgcls/val_zs_R@100_NOGC")) == 0.25
    tracker.on_trial_complete(0, [], trial)
    files = [path for path in (tmp_path / "a" / "wandb").rglob("*") if path.is_file()]
    assert [path.name for path in files if path.suffix == ".wandb"] == ["run-t0.wandb"]
    assert not any(b"k" * 40 in path.read_bytes() for path in files)


def test_tensor_board_tracker_writes_each_figure_once(study, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    directory, trial = StudyDirectory.of(study), tune_trial("t0")
    tracker = TensorBoardTracker(directory)
    tracker.on_trial_start(0, [], trial)
    for epoch in (1, 2, 2):
        report(tracker, directory, trial, epoch, loss=1 / epoch)
    write_json(directory.trial("t0") / "test.json", {"test/sgcls/zs/ngR@100": 0.5})
    tracker.on_trial_complete(0, [], trial)
    events = EventAccumulator(str(tmp_path / "a" / "tensorboard" / "t0")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 1.0), (2, 0.5)]
    assert [event.value for event in events.Scalars("test/sgcls/zs/ngR_100")] == [0.5]


def test_epochs_that_a_killed_process_lost_are_logged_on_resuming(study, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    directory, trial = StudyDirectory.of(study), tune_trial("t0")
    TrialRecord(directory.trial("t0"), {}, "running").write()
    before = TensorBoardTracker(directory)
    before.on_trial_start(0, [], trial)
    for epoch in (1, 2, 3):
        if epoch < 3:
            report(before, directory, trial, epoch, loss=1 / epoch)
        else:  # it was written, but never heard of
            History(directory.trial("t0")).append(epoch, {"loss": 1 / epoch})
    before.close(trial, failed=False)  # writes what is buffered
    time.sleep(1.1)  # names of event files go by the second
    tracker = TensorBoardTracker(directory)
    tracker.on_trial_start(0, [], trial)
    report(tracker, directory, trial, 4, loss=0.25)
    tracker.on_trial_complete(0, [], trial)
    events = EventAccumulator(str(tmp_path / "a" / "tensorboard" / "t0")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4]


def test_wandb_tracker_gives_a_resumed_run_the_epochs_that_it_lacks(study, tmp_path, monkeypatch):
    """Online, such a run says which step is next; it would refuse those before."""
    study = load(tmp_path / "a.yaml", [f"experiment.output={tmp_path}", "experiment.name=a", "tracking.wandb=online"])
    tracker, trial, steps = WandbTracker(study, StudyDirectory.of(study)), tune_trial("t0"), []
    monkeypatch.setattr(wandb, "init", lambda **settings: SimpleNamespace(
        step=2, log=lambda scalars, step: steps.append(step)))
    tracker.open(trial)
    for epoch in (1, 2, 3):
        tracker.log(trial, epoch, {"loss": 0.5})
    assert steps == [2, 3]


class Broken(Tracker):
    """A tracker whose service goes away, with a client that says too much."""

    name = "wandb"

    def __init__(self, directory, step):
        super().__init__(directory)
        self._step, self.calls = step, []

    def _do(self, step):
        self.calls.append(step)
        if step == self._step:
            raise ConnectionError(f"no network for {os.environ['WANDB_API_KEY']}\nat all")

    def open(self, trial):
        self._do("open")

    def log(self, trial, epoch, scalars):
        self._do("log")

    def close(self, trial, failed):
        self._do("close")


@pytest.mark.parametrize(("step", "calls"), [("open", 1), ("log", 2), ("close", 4)])
def test_tracker_that_fails_is_reported_once_and_used_no_more(study, monkeypatch, capsys, step, calls):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    tracker, trial = Broken(StudyDirectory.of(study), step), tune_trial("t0")
    for turn in range(2):
        tracker.on_trial_start(0, [], trial)
        for epoch in (2 * turn + 1, 2 * turn + 2):
            report(tracker, StudyDirectory.of(study), trial, epoch, loss=0.5)
        tracker.on_trial_complete(0, [], trial)
        tracker.on_trial_error(0, [], trial)
    assert len(tracker.calls) == calls
    message, = capsys.readouterr().err.splitlines()
    assert "tracking.wandb" in message
    assert message.endswith("ConnectionError: no network for (key) at all")


@pytest.mark.parametrize("name", ["test.json", "metrics.jsonl", "trial.json"])
def test_tracker_reports_a_damaged_file_of_a_trial(study, capsys, name):
    """Its reading is as little a reason to end the search as the tracker's service is."""
    directory, trial = StudyDirectory.of(study), tune_trial("t0")
    directory.trial("t0").mkdir(parents=True)
    (directory.trial("t0") / name).write_text('{"loss": 1}' if name == "metrics.jsonl" else '{"loss": ')
    tracker = Broken(directory, step=None)
    tracker.on_trial_start(0, [], trial)
    tracker.on_trial_result(0, [], trial, {"epoch": 1})
    tracker.on_trial_complete(0, [], trial)
    message, = capsys.readouterr().err.splitlines()
    assert message.startswith("tracking.wandb failed, and the search continues without it: ValueError: ")
    assert name in message


def test_write_epochs(study):
    directory = StudyDirectory.of(study)
    for name, scale in (("t0", 1), ("t1", 2)):
        TrialRecord(directory.trial(name), {"loss.scale": scale}, "finished").write()
        for epoch in (1, 2):
            History(directory.trial(name)).append(epoch, {"loss": scale / epoch})
    frame = pd.read_parquet(write_epochs(directory))
    assert frame[["trial", "loss.scale", "epoch", "loss"]].to_numpy().tolist() == [
        ["t0", 1, 1, 1.0], ["t0", 1, 2, 0.5], ["t1", 2, 1, 2.0], ["t1", 2, 2, 1.0]]
    assert len(pd.read_csv(directory.path / "epochs.csv")) == 4


def test_scalars_of():
    assert scalars_of({"epoch": 1, "loss": 2.0, "loss/F": 1.0, "config": {}, "pid": 3, "val/sgcls/zs/R@20": 0.1}) == {
        "loss": 2.0, "loss/F": 1.0, "val/sgcls/zs/R@20": 0.1}
