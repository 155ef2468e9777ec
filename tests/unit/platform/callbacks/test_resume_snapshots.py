"""When snapshots of a search are written."""

import platform.callbacks.resume_snapshots
from platform.callbacks.resume_snapshot_store import SnapshotStore
from platform.callbacks.resume_snapshots import SnapshotCallback
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import FIFOScheduler


class Controller:
    """What the callback needs of Tune's controller. `trials`: id -> (state, number of reports)."""

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
    monkeypatch.setattr(platform.callbacks.resume_snapshots.time, "monotonic", lambda: now.seconds)
    return now


@pytest.fixture
def controller(tmp_path):
    (tmp_path / "staged").mkdir()
    return Controller(tmp_path / "staged")


@pytest.fixture
def store(tmp_path):
    return SnapshotStore(tmp_path / "notes")


def saved(store):
    """The newest snapshot, by file."""
    return {file.name: file.read_text() for file in store.newest().iterdir()} if store.newest() else {}


def both(trials):
    return {"experiment_state-now.json": str(trials), "searcher-now.json": str(trials)}


def test_before_trials_of_writes_a_snapshot_before_a_trial_can_start(store, controller, clock):
    class Rule(FIFOScheduler):
        def choose_trial_to_run(self, view):
            assert saved(store) == both(controller.trials)
            return "the rule's choice"

    scheduler = SnapshotCallback(store, resumed=False).before_trials_of(Rule())
    for name in ("a", "b"):
        controller.trials[name] = ("PENDING", 0)
        assert scheduler.choose_trial_to_run(SimpleNamespace(_tune_controller=controller)) == "the rule's choice"


def test_on_step_end_saves_states_at_once_and_reports_after_a_second(store, controller, clock):
    callback = SnapshotCallback(store, resumed=False)
    controller.trials = {"a": ("PENDING", 0)}
    callback.take(controller)
    controller.trials = {"a": ("RUNNING", 0)}
    callback.on_step_end(1, [])
    assert saved(store) == both(controller.trials)
    controller.trials = {"a": ("RUNNING", 1)}
    callback.on_step_end(2, [])
    assert saved(store) == both({"a": ("RUNNING", 0)})
    clock.seconds = 1.0
    callback.on_step_end(3, [])
    assert saved(store) == both({"a": ("RUNNING", 1)})
    last = store.newest()
    clock.seconds = 9.0
    callback.on_step_end(4, [])
    assert store.newest() == last, "nothing new, nothing written"


def test_take_spends_a_twentieth_of_the_time(store, controller, clock):
    def slowly():
        clock.seconds += 2
        Controller.save_to_dir(controller)

    controller.save_to_dir, callback = slowly, SnapshotCallback(store, resumed=False)
    controller.trials = {"a": ("RUNNING", 0)}
    callback.take(controller)
    first = store.newest()
    controller.trials = {"a": ("RUNNING", 1)}
    clock.seconds = 2 + 39.9
    callback.take(controller)
    assert store.newest() == first
    clock.seconds = 2 + 40.0
    callback.take(controller)
    assert store.newest() != first


def test_take_refuses_a_search_that_tune_has_not_restored(store, controller, clock):
    """Tune only warns where it cannot read a state, and starts from nothing."""
    controller.resumed = False
    with pytest.raises(ValueError, match=r"notes: Ray 2\.\S+ cannot read .*experiment\.name"):
        SnapshotCallback(store, resumed=True).take(controller)
