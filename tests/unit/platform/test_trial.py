"""What a trial of population-based training does when it is given another's checkpoint."""

import json
from platform.trial import Trial

import pytest


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
