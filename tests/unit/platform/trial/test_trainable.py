"""What a trial does when it is over already, or is given another's checkpoint (population-based training)."""

import json
import platform.trial.trainable
from platform.study.directory import StudyDirectory, TrialRecord
from platform.trial.trainable import BEFORE_KEY, ENDED_KEY, FAILED_KEY, OBJECTIVE, STUDY_KEY, Trial
from types import SimpleNamespace

import pytest

from sgg.common.run_log import ROWS, History, append_row
from sgg.config import load


def checkpoint(folder, epoch):
    path = folder / "checkpoints" / f"epoch_{epoch:04d}"
    path.mkdir(parents=True)
    (path / "meta.json").write_text(json.dumps({"format": 1, "epoch": epoch}))
    return path


@pytest.fixture
def trial(tmp_path):
    """A trial as far as checkpoints go; its process and its training are Ray's."""
    trial = Trial.__new__(Trial)
    trial._folder, trial._donor = tmp_path / "a", None
    trial._folder.mkdir()
    return trial


@pytest.fixture
def config_path(tmp_path):
    """A config file of a study under `tmp_path`."""
    path = tmp_path / "config.yaml"
    path.write_text(f"experiment: {{name: s, output: {tmp_path}}}\n")
    return path


def test_what_it_had_learned_is_given_up_for_the_donor(trial, tmp_path):
    checkpoint(trial._folder, 3)
    donor = checkpoint(tmp_path / "b", 2)
    trial.load_checkpoint({"checkpoint": str(donor)})
    assert trial._donor == donor
    assert not (trial._folder / "checkpoints").exists()


def test_a_restored_trial_keeps_what_it_has_learned_since(trial, tmp_path):
    donor = checkpoint(tmp_path / "b", 2)
    trial.load_checkpoint({"checkpoint": str(donor)})
    since = checkpoint(trial._folder, 3)
    trial.load_checkpoint({"checkpoint": str(donor)})  # what Tune says after a restore
    assert since.is_dir()
    another = checkpoint(tmp_path / "c", 5)
    trial.load_checkpoint({"checkpoint": str(another)})
    assert (trial._donor, since.exists()) == (another, False)


@pytest.mark.parametrize("pointer", [None, {"checkpoint": None}, {"checkpoint": "/nowhere/epoch_0001"}])
def test_a_pointer_to_nothing_changes_nothing(trial, pointer):
    own = checkpoint(trial._folder, 1)
    trial.load_checkpoint(pointer)
    assert (trial._donor, own.is_dir()) == (None, True)


def test_its_own_checkpoint_is_no_donor(trial):
    own = checkpoint(trial._folder, 1)
    trial.load_checkpoint({"checkpoint": str(own)})
    assert (trial._donor, own.is_dir()) == (None, True)


def test_a_pointer_outlives_the_checkpoint_that_it_was_made_of(trial):
    own = checkpoint(trial._folder, 1)
    pointer = trial.save_checkpoint("unused")
    (own / "meta.json").unlink()
    own.rmdir()
    with open(f"{pointer['checkpoint']}/meta.json") as meta:
        assert json.load(meta)["epoch"] == 1


@pytest.mark.parametrize(("status", "ended"), [("finished", {ENDED_KEY: True}), ("stopped", {})])
def test_a_trial_that_is_over_answers_from_what_it_wrote(config_path, status, ended):
    """Tune may ask again, where its search was killed before it had noted the end; no worker is started."""
    study = load(config_path, [])
    directory = StudyDirectory.of(study)
    directory.begin(study, {"data": {"hash": "0", "description": "none"}})
    TrialRecord(directory.trial("a"), {"experiment.seed": 3}, status).write()
    for epoch in (1, 2):
        History(directory.trial("a")).append(epoch, {"loss": 1 / epoch, study.base.search.metric: epoch / 10})
    trial = Trial.__new__(Trial)
    trial._trial_info = SimpleNamespace(trial_id="a")
    trial.setup({STUDY_KEY: str(directory.path), "experiment.seed": 3})
    answer = trial.step()
    assert answer == {"epoch": 2, "attempt": 2, "loss": .5, study.base.search.metric: .2, OBJECTIVE: .2, **ended,
                      "done": True}
    assert trial._run is None
    assert TrialRecord.read(directory.trial("a")).status == status


def test_one_that_was_only_interrupted_goes_on(config_path):
    study = load(config_path, [])
    directory = StudyDirectory.of(study)
    directory.begin(study, {"data": {"hash": "0", "description": "none"}})
    TrialRecord(directory.trial("a"), {"experiment.seed": 3}, "stopped", "interrupted").write()
    trial = Trial.__new__(Trial)
    trial._trial_info = SimpleNamespace(trial_id="a")
    trial.setup({STUDY_KEY: str(directory.path), "experiment.seed": 3})
    assert trial._over is None
    assert TrialRecord.read(directory.trial("a")).status == "running"


@pytest.fixture
def reporting(config_path, monkeypatch):
    """A trial that wrote two rows before, whose worker reports the given (attempt, epoch); of odd epochs validated."""
    def make(*positions):
        study = load(config_path, [])
        directory = StudyDirectory.of(study)
        directory.begin(study, {"data": {"hash": "0", "description": "none"}, "fit": "f", "resources": {}})
        rows = [{"attempt": attempt, "epoch": epoch, **({study.base.search.metric: epoch / 10} if epoch % 2 else {})}
                for attempt, epoch in positions]
        directory.trial("a").mkdir()
        for row in rows[:2]:
            append_row(directory.trial("a") / ROWS, row)
        reports = iter(rows)
        monkeypatch.setattr(platform.trial.trainable, "TrainRun", lambda *arguments, **settings: SimpleNamespace(
            next_report=lambda: next(reports, None)))
        trial = Trial.__new__(Trial)
        trial._trial_info = SimpleNamespace(trial_id="a")
        trial.setup({STUDY_KEY: str(directory.path), "experiment.seed": 3})
        return trial

    return make


def test_tune_gets_every_row_once(reporting):
    """It had had the first one; a worker in the place of one that died reports from the start."""
    trial = reporting((1, 1), (1, 2), (2, 3), (1, 1), (1, 2), (2, 3), (3, 4))
    trial.go_on_after(1, 1)
    steps = [trial.step() for _ in range(4)]
    assert [(step["epoch"], BEFORE_KEY in step, "done" in step) for step in steps] == [
        (2, True, False), (3, False, False), (4, False, False), (4, False, True)]


def test_the_figure_of_the_last_validation_outlives_the_process(reporting):
    trial = reporting((1, 1), (1, 2), (2, 3))
    trial.go_on_after(1, 1)
    assert [trial.step()[OBJECTIVE] for _ in range(2)] == [.1, .3]


def test_the_figure_of_a_model_that_is_given_up_does_not(reporting, tmp_path):
    """Population-based training: epoch 2 of the donor's was not validated."""
    trial = reporting((1, 1), (2, 2))
    trial.go_on_after(1, 1)
    trial.load_checkpoint({"checkpoint": str(checkpoint(tmp_path / "b", 1))})
    assert OBJECTIVE not in trial.step()


def test_nothing_left_to_train_repeats_what_tune_has(reporting):
    trial = reporting((1, 1), (1, 2))
    trial.go_on_after(1, 2)
    step = trial.step()
    assert (step["epoch"], step[OBJECTIVE], step["done"], step[ENDED_KEY]) == (2, .1, True, True)


def test_a_spoilt_row_fails_the_trial_with_its_file(reporting):
    trial = reporting((1, 1), (1, 2))
    (trial._folder / ROWS).write_text('{"epoch": "one"}\n')
    assert "metrics.jsonl, line 1: epoch must be of type int" in trial.step()[FAILED_KEY]
