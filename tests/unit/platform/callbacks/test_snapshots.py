"""When a search is noted."""

import platform.callbacks.snapshots
from platform.callbacks.snapshot_store import SnapshotStore
from platform.callbacks.snapshots import SnapshotCallback
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import FIFOScheduler


class Runner:
    """What a taker needs of Tune's controller. `trials`: id -> (state, number of reports)."""

    resumed = True

    def __init__(self, folder):
        self.trials, self.experiment_state_path = {}, str(folder / "experiment_state-now.json")
        (folder / "experiment_state-before.json").write_text("of the session before")

    def get_trials(self):
        return [SimpleNamespace(trial_id=name, status=state, last_result={"training_iteration": reports})
                for name, (state, reports) in self.trials.items()]

    def save_to_dir(self):
        for path in (self.experiment_state_path, self.experiment_state_path.replace("experiment_state", "searcher")):
            with open(path, "w") as file:
                file.write(str(self.trials))


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(platform.callbacks.snapshots.time, "monotonic", lambda: now.seconds)
    return now


@pytest.fixture
def runner(tmp_path):
    (tmp_path / "staged").mkdir()
    return Runner(tmp_path / "staged")


@pytest.fixture
def notes(tmp_path):
    return SnapshotStore(tmp_path / "notes")


def noted(notes):
    """What the newest note says, in each of its files."""
    return {file.name: file.read_text() for file in notes.newest().iterdir()} if notes.newest() else {}


def both(trials):
    return {"experiment_state-now.json": str(trials), "searcher-now.json": str(trials)}


def test_a_trial_is_noted_before_it_can_start(notes, runner, clock):
    class Rule(FIFOScheduler):
        def choose_trial_to_run(self, controller):
            assert noted(notes) == both(runner.trials)
            return "the rule's choice"

    scheduler = SnapshotCallback(notes, resumed=False).before_trials_of(Rule())
    for name in ("a", "b"):
        runner.trials[name] = ("PENDING", 0)
        assert scheduler.choose_trial_to_run(SimpleNamespace(_tune_controller=runner)) == "the rule's choice"


def test_what_becomes_of_a_trial_is_noted_at_once_and_its_reports_after_a_second(notes, runner, clock):
    taker = SnapshotCallback(notes, resumed=False)
    runner.trials = {"a": ("PENDING", 0)}
    taker.take(runner)
    runner.trials = {"a": ("RUNNING", 0)}
    taker.on_step_end(1, [])
    assert noted(notes) == both(runner.trials)
    runner.trials = {"a": ("RUNNING", 1)}
    taker.on_step_end(2, [])
    assert noted(notes) == both({"a": ("RUNNING", 0)})
    clock.seconds = 1.0
    taker.on_step_end(3, [])
    assert noted(notes) == both({"a": ("RUNNING", 1)})
    last = notes.newest()
    clock.seconds = 9.0
    taker.on_step_end(4, [])
    assert notes.newest() == last, "nothing new, nothing written"


def test_notes_of_a_large_search_take_a_twentieth_of_the_time(notes, runner, clock):
    def slowly():
        clock.seconds += 2
        Runner.save_to_dir(runner)

    runner.save_to_dir, taker = slowly, SnapshotCallback(notes, resumed=False)
    runner.trials = {"a": ("RUNNING", 0)}
    taker.take(runner)
    first = notes.newest()
    runner.trials = {"a": ("RUNNING", 1)}
    clock.seconds = 2 + 39.9
    taker.take(runner)
    assert notes.newest() == first
    clock.seconds = 2 + 40.0
    taker.take(runner)
    assert notes.newest() != first


def test_a_search_that_tune_begins_anew_is_refused(notes, runner, clock):
    """Tune only warns where it cannot read a state, and starts from nothing."""
    runner.resumed = False
    with pytest.raises(ValueError, match=r"notes: Ray 2\.\S+ cannot read .*experiment\.name"):
        SnapshotCallback(notes, resumed=True).take(runner)
