import os
from platform.launch.pace import is_alike, pace_of, timed_trials
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FAILED, FINISHED, TrialRecord

import pytest

from sgg.common.atomic import write_json
from sgg.common.machine import this_machine
from sgg.common.run_log import CONFIG, TEST, History
from sgg.config import load
from sgg.settings.keys import flatten

DATA = {"name": "toy", "description": "toy genome", "hash": "aaaaaaaaaaaa"}
SEARCHED = ["loss.kind", "experiment.seed"]


@pytest.fixture
def study(tmp_path):
    def of(name, *overrides):
        (tmp_path / "a.yaml").write_text("loss: {kind: {search: grid, of: [baseline, dnorm]}}\ndata: {name: toy}")
        return load(tmp_path / "a.yaml", [f"experiment.name={name}", f"experiment.output={tmp_path}", *overrides])
    return of


@pytest.fixture
def run(study):
    """Writes a run with a trial of some times of epochs, whose test ends `rest` seconds after the last of them."""
    def write(name, times, *overrides, rest=None, status=FINISHED, attempts=None, data=DATA, kind="dnorm"):
        one = study(name, *overrides)
        directory = StudyDirectory.of(one)
        directory.begin(one, {"data": data})
        record = TrialRecord(directory.trial("t"), {"loss.kind": kind}, status)
        record.write()
        config = one.trial({"loss.kind": kind})
        write_json(record.directory / CONFIG, {"config": config.model_dump(mode="json"), "data": data})
        for epoch, seconds in enumerate(times, start=1):
            history = History(record.directory)
            history.attempt = 1 if attempts is None else attempts[epoch - 1]
            history.append(epoch, {"loss": 1.0, "time": seconds})
        if rest is not None:
            write_json(record.directory / TEST, {})
            begun = (record.directory / CONFIG).stat().st_mtime
            os.utime(record.directory / TEST, times=(begun, begun + sum(times) + rest))
        return directory.path
    return write


def pace(study, *overrides, data=frozenset({DATA["hash"]}), machine=None):
    config = study("new", *overrides).base
    return pace_of(config, SEARCHED, timed_trials(config, data, machine or this_machine()))


def test_pace_of_runs_like_this_one(study, run):
    """Epochs of all of them count, whichever value of the searched setting; the rest counts only where the run was as
    long and ended in one go."""
    paths = [run("a", [2.0, 4.0, 3.0], rest=5.0), run("b", [1.0, 9.0], "training.epochs=2", rest=70.0, kind="baseline"),
             run("c", [3.5, 3.5, 3.5], rest=60.0, attempts=[1, 2, 2])]
    found = pace(study)
    assert sorted(found.epochs) == [1.0, 2.0, 3.0, 3.5, 3.5, 3.5, 4.0, 9.0]
    assert (found.epoch, found.runs) == (3.5, list(map(str, paths)))
    assert found.rests == [pytest.approx(5.0)]
    assert found.rest == pytest.approx(5.0)


def test_pace_of_counts_epochs_of_a_run_that_failed(study, run):
    run("a", [2.0], status=FAILED)
    found = pace(study)
    assert (found.epochs, found.rest) == ([2.0], None)


@pytest.mark.parametrize("overrides", [
    ["training.batch_size=4"], ["model.head=motifs"], ["resources.cpus=2"], ["features.maps=off"],
    ["data.train_images=10"], ["augmentation=gan"]])
def test_pace_of_leaves_out_runs_that_compute_something_else(study, run, overrides):
    run("a", [2.0], *overrides)
    assert pace(study) is None
    assert pace(study, *overrides).epochs == [2.0]


def test_pace_of_needs_the_same_data_and_machine(study, run, monkeypatch):
    run("a", [2.0], data=DATA | {"hash": "bbbbbbbbbbbb"})
    assert pace(study) is None
    run("b", [2.0])
    assert pace(study, machine="another machine") is None


def test_pace_of_trials_on_data_of_the_same_kind(study, run):
    """For a search over genomes those of others count, whose settings are the same but for the seed."""
    run("a", [2.0], data=DATA | {"hash": "bbbbbbbbbbbb"})
    assert pace(study, data=None).epochs == [2.0]
    run("b", [3.0], "data.version=3", data=DATA | {"hash": "cccccccccccc"})
    assert pace(study, data=None).epochs == [2.0]


def test_pace_of_skips_a_damaged_run(study, run):
    run("a", [2.0])
    damaged = run("b", [3.0])
    (damaged / "trials" / "t" / "trial.json").write_text("{")
    assert pace(study).epochs == [2.0]
    (damaged / "study.json").write_text("{")
    assert pace(study).epochs == [2.0]


def test_is_alike_ignores_rates(study):
    now = flatten(study("new").base.model_dump(mode="json"))
    assert is_alike(now, now, SEARCHED)
    assert is_alike({**now, "training.learning_rate": 1.0, "training.epochs": 50}, now, SEARCHED)
    assert not is_alike({**now, "model.head.iterations": 9}, now, SEARCHED)
    assert is_alike({**now, "model.head.iterations": 9}, now, [*SEARCHED, "model.head.iterations"])
