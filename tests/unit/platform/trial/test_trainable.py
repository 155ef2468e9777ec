"""A trial that is over already, resumes, or gets another's checkpoint (population-based training)."""

import json
import platform.trial.trainable
import shutil
from collections.abc import Callable
from pathlib import Path
from platform.study.directory import StudyDirectory
from platform.study.trial_record import TrialRecord
from platform.trial.trainable import BEFORE_KEY, ENDED_KEY, FAILED_KEY, OBJECTIVE, STUDY_KEY, Trial
from types import SimpleNamespace
from typing import Any

import pytest

from sgg.common.run_log import ROWS, History, append_row
from sgg.config import Study, load


class TrialHere(Trial):
    """The trial `a` of a study, in this process."""

    def __init__(self, directory: StudyDirectory):
        self.setup({STUDY_KEY: str(directory.path), "experiment.seed": 3})

    @property
    def trial_id(self) -> str:
        return "a"


def checkpoint(folder: Path, epoch: int) -> Path:
    path = folder / "checkpoints" / f"epoch_{epoch:04d}"
    path.mkdir(parents=True)
    (path / "meta.json").write_text(json.dumps({"format": 1, "epoch": epoch}))
    for name in ("weights.safetensors", "optimizers.pt"):
        (path / name).touch()
    return path


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "config.yaml"
    path.write_text(f"experiment: {{name: s, output: {tmp_path}}}\n")
    return load(path, [])


@pytest.fixture
def directory(study: Study) -> StudyDirectory:
    directory = StudyDirectory.of(study)
    directory.begin(study, {"data": {"hash": "0", "description": "none"}, "fit": "f", "resources": {}})
    return directory


class Run:
    """A training run whose jobs report nothing and end at once."""

    def __init__(self, function: Any, *, name: str, **settings: Any) -> None:
        self.name, self.is_free, self.stopped = name, False, False
        self.jobs: list[dict[str, Any]] = []

    def begin(self, arguments: dict[str, Any]) -> None:
        self.jobs.append(arguments)

    def next_report(self) -> None:
        self.is_free = True

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The training runs that trials start."""
    started: list[Run] = []

    def start(*arguments: Any, **settings: Any) -> Run:
        started.append(Run(*arguments, **settings))
        return started[-1]

    monkeypatch.setattr(platform.trial.trainable, "TrainRun", start)
    return started


@pytest.fixture
def trial(directory: StudyDirectory, runs: list[Run]) -> TrialHere:
    """A trial that has not started."""
    return TrialHere(directory)


def donor_of(trial: Trial, runs: list[Run]) -> str | None:
    """The checkpoint of another trial that the training starts from."""
    trial.step()
    return runs[-1].jobs[-1]["start_from"]


def test_load_checkpoint_replaces_the_trials_own(trial: Trial, runs: list[Run], directory: StudyDirectory,
                                                 tmp_path: Path) -> None:
    checkpoint(directory.trial("a"), 3)
    donor = checkpoint(tmp_path / "b", 2)
    trial.load_checkpoint({"checkpoint": str(donor)})
    assert not (directory.trial("a") / "checkpoints").exists()
    assert donor_of(trial, runs) == str(donor)


def test_load_checkpoint_after_a_restore_keeps_later_checkpoints(trial: Trial, runs: list[Run],
                                                                 directory: StudyDirectory, tmp_path: Path) -> None:
    donor = checkpoint(tmp_path / "b", 2)
    trial.load_checkpoint({"checkpoint": str(donor)})
    since = checkpoint(directory.trial("a"), 3)
    trial.load_checkpoint({"checkpoint": str(donor)})  # Tune passes it again when it restores a trial
    assert since.is_dir()
    another = checkpoint(tmp_path / "c", 5)
    trial.load_checkpoint({"checkpoint": str(another)})
    assert not since.exists()
    assert donor_of(trial, runs) == str(another)


def test_load_checkpoint_of_a_missing_donor_fails_the_trial(trial: Trial, runs: list[Run], directory: StudyDirectory,
                                                            tmp_path: Path) -> None:
    """Else it trains on from its own checkpoint, or from fresh weights, with the donor's settings."""
    own = checkpoint(directory.trial("a"), 1)
    trial.load_checkpoint({"checkpoint": str(tmp_path / "b" / "epoch_0002")})
    reason = trial.step()[FAILED_KEY]
    for part in ("trial a ", f"{tmp_path}/b/epoch_0002", "--resume", "another experiment.name"):
        assert part in reason
    assert (runs, own.is_dir()) == ([], True)


@pytest.mark.parametrize("own", [None, "epoch_0003", "unfinished_epoch_0003_step_0010"])
def test_load_checkpoint_of_a_donor_that_is_missing_since(trial: TrialHere, runs: list[Run], directory: StudyDirectory,
                                                          tmp_path: Path, own: str | None) -> None:
    """A trial that has a checkpoint since needs the donor no more. One that died before has nothing."""
    donor = checkpoint(tmp_path / "b", 2)
    trial.load_checkpoint({"checkpoint": str(donor)})
    shutil.rmtree(donor)
    if own is not None:
        (directory.trial("a") / "checkpoints" / own).mkdir(parents=True)
    again = TrialHere(directory)
    again.load_checkpoint({"checkpoint": str(donor)})
    assert (FAILED_KEY in again.step()) == (own is None)
    assert [run.jobs[-1]["start_from"] for run in runs] == ([] if own is None else [None])


@pytest.mark.parametrize("pointer", [None, {"checkpoint": None}, "own"])
def test_load_checkpoint_of_nothing_or_its_own_changes_nothing(trial: Trial, runs: list[Run], pointer: Any,
                                                               directory: StudyDirectory) -> None:
    own = checkpoint(directory.trial("a"), 1)
    trial.load_checkpoint({"checkpoint": str(own)} if pointer == "own" else pointer)
    assert own.is_dir()
    assert donor_of(trial, runs) is None


def test_save_checkpoint_outlives_the_checkpoint(trial: Trial, directory: StudyDirectory) -> None:
    own = checkpoint(directory.trial("a"), 1)
    pointer = trial.save_checkpoint("unused")
    shutil.rmtree(own)
    assert json.loads((Path(pointer["checkpoint"]) / "meta.json").read_text())["epoch"] == 1


@pytest.mark.parametrize(("status", "ended"), [("finished", {ENDED_KEY: True}), ("stopped", {})])
def test_step_of_a_trial_that_is_over(study: Study, directory: StudyDirectory, runs: list[Run], status: str,
                                      ended: dict[str, bool]) -> None:
    """Tune asks again when its search was killed before a snapshot said so. The trial starts no training."""
    TrialRecord(directory.trial("a"), {"experiment.seed": 3}, status).write()
    metric = study.base.search.metric
    for epoch in (1, 2):
        History(directory.trial("a")).append(epoch, {"loss": 1 / epoch, metric: epoch / 10})
    assert TrialHere(directory).step() == {"epoch": 2, "attempt": 2, "loss": .5, metric: .2, OBJECTIVE: .2, **ended,
                                           "done": True}
    assert runs == []
    assert TrialRecord.read(directory.trial("a")).status == status


def test_setup_of_a_trial_that_was_interrupted(directory: StudyDirectory, runs: list[Run]) -> None:
    TrialRecord(directory.trial("a"), {"experiment.seed": 3}, "stopped", "interrupted").write()
    trial = TrialHere(directory)
    assert TrialRecord.read(directory.trial("a")).status == "running"
    trial.step()
    assert len(runs) == 1


def test_reset_config_keeps_workers_that_have_done_their_job(trial: TrialHere, runs: list[Run],
                                                             directory: StudyDirectory) -> None:
    trial.step()
    assert trial.reset_config({STUDY_KEY: str(directory.path), "experiment.seed": 4})
    trial.step()
    run, = runs
    assert [job["config"]["experiment"]["seed"] for job in run.jobs] == [[3], [4]]
    assert not run.stopped


def test_reset_config_ends_workers_that_are_in_the_middle_of_their_job(trial: TrialHere, runs: list[Run],
                                                                       directory: StudyDirectory) -> None:
    """A scheduler stopped the trial."""
    trial.step()
    runs[0].is_free = False
    trial.reset_config({STUDY_KEY: str(directory.path), "experiment.seed": 4})
    trial.step()
    assert [(run.stopped, len(run.jobs)) for run in runs] == [(True, 1), (False, 1)]


@pytest.fixture
def reporting(study: Study, directory: StudyDirectory,
              monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrialHere]:
    """A trial that wrote two rows before. Its worker reports the given (attempt, epoch); odd epochs are validated."""
    def make(*positions: tuple[int, int]) -> TrialHere:
        rows = [{"attempt": attempt, "epoch": epoch, **({study.base.search.metric: epoch / 10} if epoch % 2 else {})}
                for attempt, epoch in positions]
        directory.trial("a").mkdir()
        for row in rows[:2]:
            append_row(directory.trial("a") / ROWS, row)
        reports = iter(rows)
        monkeypatch.setattr(platform.trial.trainable, "TrainRun", lambda *arguments, **settings: SimpleNamespace(
            begin=lambda arguments: None, next_report=lambda: next(reports, None)))
        return TrialHere(directory)

    return make


def test_step_returns_every_row_once(reporting: Callable[..., TrialHere]) -> None:
    """Tune has received the first one. A worker that replaces a dead one reports from the start."""
    trial = reporting((1, 1), (1, 2), (2, 3), (1, 1), (1, 2), (2, 3), (3, 4))
    trial.resume_after(1, 1)
    steps = [trial.step() for _ in range(4)]
    assert [(step["epoch"], BEFORE_KEY in step, "done" in step) for step in steps] == [
        (2, True, False), (3, False, False), (4, False, False), (4, False, True)]


def test_step_keeps_the_objective_of_the_last_validation(reporting: Callable[..., TrialHere]) -> None:
    """Across processes."""
    trial = reporting((1, 1), (1, 2), (2, 3))
    trial.resume_after(1, 1)
    assert [trial.step()[OBJECTIVE] for _ in range(2)] == [.1, .3]


def test_step_drops_the_objective_of_a_replaced_model(reporting: Callable[..., TrialHere], tmp_path: Path) -> None:
    """Population-based training: epoch 2 of the donor was not validated."""
    trial = reporting((1, 1), (2, 2))
    trial.resume_after(1, 1)
    trial.load_checkpoint({"checkpoint": str(checkpoint(tmp_path / "b", 1))})
    assert OBJECTIVE not in trial.step()


def test_step_with_nothing_left_to_train_repeats_the_last_row(reporting: Callable[..., TrialHere]) -> None:
    trial = reporting((1, 1), (1, 2))
    trial.resume_after(1, 2)
    step = trial.step()
    assert (step["epoch"], step[OBJECTIVE], step["done"], step[ENDED_KEY]) == (2, .1, True, True)


def test_step_names_the_file_of_a_damaged_row(reporting: Callable[..., TrialHere], directory: StudyDirectory) -> None:
    trial = reporting((1, 1), (1, 2))
    (directory.trial("a") / ROWS).write_text('{"epoch": "one"}\n')
    reason = trial.step()[FAILED_KEY]
    for part in ("metrics.jsonl", "line 1", "epoch", "int"):
        assert part in reason
