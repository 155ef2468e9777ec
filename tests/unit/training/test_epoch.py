"""An epoch that is interrupted after some of its steps ends with the numbers of one that is not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sgg import checkpoint, systems
from sgg.checkpoint import PartialEpoch
from sgg.common.run_log import History, read_test
from sgg.config import Config, validate
from sgg.systems.contract import StepResult
from sgg.systems.two_stage.system import TwoStage
from sgg.training.epoch import train_epoch
from sgg.training.fit import fit
from tests.untrained import untrained

STEPS = 4
"""In an epoch: 8 images, 2 in a batch."""
GAN = {"kind": "gan", "visual_conditioning": False, "perturb": {"method": "graphn", "topk": 2}}
SETTINGS = {"without a GAN": {}, "with a GAN": {"augmentation": GAN},
            "SGDet, in parts, AdamW": {"training": {"mode": "sgdet", "accumulate": 2, "optimizer": "adamw"}}}


class StoppedError(Exception):
    pass


@pytest.fixture
def trial(toy_root, monkeypatch):
    """A function from settings to a config whose `fit` starts from the same untrained detector every time."""
    def open_foundation(config: Config, check, use):
        torch.manual_seed(0)
        foundation = untrained(config, toy_root)
        check(foundation.experiment, foundation.parts)
        return foundation

    monkeypatch.setattr(systems, "open_foundation", open_foundation)

    def trial(changes: dict, **training) -> Config:
        training = {"epochs": 2, "batch_size": 2, **changes.get("training", {}), **training}
        return validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 2 * STEPS, "eval_images": 1},
                         "evaluation": {"modes": ["predcls"]}, **changes, "training": training})
    return trial


@pytest.fixture
def interrupted(monkeypatch):
    """Calls `fit`; its run is stopped after so many steps. Returns how many it made."""
    step = TwoStage.training_step

    def interrupted(config: Config, directory: Path, after: int, **options) -> int:
        made = 0

        def counted(self, batch, draws) -> StepResult:
            nonlocal made
            if made == after:
                raise StoppedError
            made += 1
            return step(self, batch, draws)

        with monkeypatch.context() as patch:
            patch.setattr(TwoStage, "training_step", counted)
            try:
                fit(config, directory, **options)
            except StoppedError:
                assert made == after
            else:
                assert made < after
        return made
    return interrupted


def measured(directory: Path) -> list[dict]:
    """The rows without what depends on the clock, and the test metrics."""
    return [{**row, "time": 0, "attempt": 0} for row in History(directory).rows()] + [read_test(directory)]


def require_same(ours: Path, theirs: Path) -> None:
    """Rows, test metrics, weights and moments of two runs are equal to the last bit."""
    assert measured(ours) == measured(theirs)
    for name in ("epoch_0001", "epoch_0002"):
        one, other = (load_file(path / "checkpoints" / name / "weights.safetensors") for path in (ours, theirs))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
        one, other = (torch.load(path / "checkpoints" / name / "optimizers.pt") for path in (ours, theirs))
        for key, states in one.items():
            for place, state in states["state"].items():
                assert all(torch.equal(value, other[key]["state"][place][what]) for what, value in state.items())


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS.keys())
def test_train_epoch_interrupted_after_several_steps_gives_the_same_numbers(trial, interrupted, tmp_path,
                                                                            changes) -> None:
    """Stopped after 1, 2, 5 and 7 of 8 steps. With a checkpoint after each no step is made twice."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(trial(changes), whole)
    made = [interrupted(trial(changes, checkpoint_steps=1), parts, after) for after in (1, 1, 3, 2, 100)]
    assert made == [1, 1, 3, 2, 1]
    require_same(parts, whole)
    for directory in (whole, parts):
        assert sorted(path.name for path in (directory / "checkpoints").iterdir()) == ["epoch_0001", "epoch_0002"]


def test_train_epoch_makes_the_steps_after_the_last_checkpoint_again(trial, interrupted, tmp_path, caplog) -> None:
    """With one after every third step of an epoch. The setting changes no number, so it may change on the way."""
    caplog.set_level("INFO")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(trial({}), whole)
    made = [interrupted(trial({}, checkpoint_steps=every), parts, after) for every, after in (
        (3, 2), (3, 3), (None, 4), (3, 100))]
    assert made == [2, 3, 4, 1 + STEPS - 1]
    assert "resumed after step 3 of epoch 1 from " in caplog.text
    require_same(parts, whole)


def test_fit_continues_from_another_trial_only_after_a_finished_epoch(trial, interrupted, tmp_path) -> None:
    """Population-based training: the state within an epoch is of the donor's batches. A state of this trial within an
    epoch is newer than the donor's epoch before it."""
    donor, ours = tmp_path / "donor", tmp_path / "ours"
    interrupted(trial({}, checkpoint_steps=1), donor, STEPS + 1)
    with pytest.raises(ValueError, match=r"unfinished_epoch_0002_step_0001 is of an unfinished epoch: name a check"):
        fit(trial({}), ours, start_from=checkpoint.path_of(donor, 1, 1))
    other = trial({"loss": {"scale": 2.0}}, checkpoint_steps=1)
    assert interrupted(other, ours, 2, start_from=checkpoint.path_of(donor, 1)) == 2
    assert interrupted(other, ours, 100, start_from=checkpoint.path_of(donor, 1)) == STEPS - 2


@pytest.fixture
def run(trial, toy_root):
    """Trains the first epoch of an SGDet trial with fresh weights from a state on. Returns its row and the states after
    each step."""
    config = trial({"training": {"mode": "sgdet"}}, checkpoint_steps=1)

    def run(begun: PartialEpoch | None = None) -> tuple[dict, list[PartialEpoch]]:
        torch.manual_seed(0)
        foundation, found = untrained(config, toy_root), []
        batches = foundation.experiment.training_batches()
        return train_epoch(foundation.build(), config, batches, 1, begun, found.append), found
    return run


def test_train_epoch_after_its_last_step_has_nothing_left_but_its_row(run) -> None:
    """Killed in the validation: losses and fractions of images are those of the state, and so is the time."""
    row, found = run()
    assert [state.step for state in found] == [1, 2, 3, 4]
    assert row["share/fallbacks"] == 1
    again, _ = run(replace(found[-1], seconds=1000.0))
    assert again.pop("time") > 1000 > row.pop("time")
    assert again == row


def test_train_epoch_draws_anew_where_the_processes_are_others(run) -> None:
    """The state of two processes: neither is this one. The rest is drawn in another way, the same every time."""
    _, (state, *_) = run()
    others = replace(state, random_states=2 * state.random_states)
    first, second, same_process = (run(begun)[0]["loss"] for begun in (others, others, state))
    assert first == second != same_process
