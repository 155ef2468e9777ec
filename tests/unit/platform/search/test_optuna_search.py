"""Optuna's study in a file: the same search as in memory, and a file that Optuna opens at any time."""

import json
import warnings
from platform.search.optuna_search import RepeatingOptuna, StudyJournal
from platform.search.repeating_searcher import RepeatingSearcher
from platform.search.repeats import SEED_KEY
from platform.trial.trainable import OBJECTIVES

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray import cloudpickle, tune
from ray.tune.search.optuna import OptunaSearch

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")

ONE = [("val/sgcls/zs/ngR@100", "max")]
TWO = [*ONE, ("loss", "min")]
SEEDS = [{SEED_KEY: 3}, {SEED_KEY: 4}]
SPACE = {"study": "/somewhere", "a": tune.uniform(0, 1), "b": tune.randint(1, 9), "c": tune.choice(["x", None, True]),
         "d": tune.choice([["D"], ["D", "G"]]), "e": tune.loguniform(1e-4, 1)}


@pytest.fixture
def search(tmp_path):
    """A search over `SPACE` with two seeds."""
    def of(objectives=ONE, repeats=SEEDS, space=SPACE):
        found = RepeatingOptuna(tmp_path / "optuna.journal", "a", objectives, list(repeats), at_once=100)
        assert found.set_search_properties(None, None, space)
        return found
    return of


@pytest.fixture
def opened(tmp_path):
    """The study as Optuna reads the file."""
    def study():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a setting has lists as values
            storage = JournalStorage(JournalFileBackend(str(tmp_path / "optuna.journal")))
            return optuna.load_study(study_name="a", storage=storage)
    return study


def score(values, seed):
    """The two objectives of a configuration."""
    return {OBJECTIVES[0]: values["a"] * values["b"] + seed / 100, OBJECTIVES[1]: values["a"] + 1 / values["b"]}


def run(search, names):
    """Run trials of these names one after another; returns their settings."""
    found = []
    for name in names:
        values = search.suggest(name)
        found.append(values)
        search.on_trial_complete(name, score(values, values[SEED_KEY]))
    return found


def test_repeating_optuna_suggests_what_a_study_in_memory_does(search):
    """To the last bit: beyond ten random draws, where TPE computes with what it has seen."""
    in_memory = RepeatingSearcher(OptunaSearch(metric=OBJECTIVES[0], mode="max", seed=3), SEEDS, at_once=100)
    in_memory.set_search_properties(None, None, SPACE)
    names = [f"t{number}" for number in range(36)]
    assert run(search(), names) == run(in_memory, names)


def test_repeating_optuna_chooses_lists_as_texts_which_a_dashboard_shows(search, opened):
    found = run(search_of := search(), [f"t{number}" for number in range(8)])
    assert {tuple(values["d"]) for values in found} == {("D",), ("D", "G")}
    search_of._journal.write()
    study = opened()
    assert study.trials[0].distributions["d"].choices == ('["D"]', '["D", "G"]')
    assert study.trials[0].distributions["c"].choices == ("x", None, True)


def test_repeating_optuna_keeps_one_trial_for_a_configuration(search, opened, tmp_path):
    """Its value is the mean over seeds, its attributes name the runs; one that runs is there, too."""
    one = search()
    values = run(one, ["t0", "t1"])
    one.suggest("t2")
    one.save(str(tmp_path / "state"))
    study = opened()
    first, second = study.trials
    assert first.value == pytest.approx(score(values[0], 3.5)[OBJECTIVES[0]])
    assert first.params == {name: json.dumps(value) if name == "d" else value for name, value in values[0].items()
                            if name not in (SEED_KEY, "study")}
    assert first.user_attrs == {"trial of seed 3": "t0", "trial of seed 4": "t1"}
    assert (second.state, second.user_attrs) == (TrialState.RUNNING, {"trial of seed 3": "t2"})
    assert study.metric_names == ["val/sgcls/zs/ngR@100"]
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE


def test_repeating_optuna_names_the_trial_of_each_data_set(search, opened, tmp_path):
    one = search(repeats=[{"data.seed": genome, SEED_KEY: 3} for genome in (7, 8)])
    run(one, ["t0", "t1"])
    one.save(str(tmp_path / "state"))
    (trial,) = opened().trials
    assert trial.user_attrs == {"trial of data.seed 7, seed 3": "t0", "trial of data.seed 8, seed 3": "t1"}
    assert "data.seed" not in trial.params


def test_repeating_optuna_with_two_metrics_has_their_pareto_front(search, opened, tmp_path):
    """By another way: the trials that no other one is at least as good as in both, and better in one."""
    one = search(TWO, SEEDS[:1])
    run(one, [f"t{number}" for number in range(30)])
    one.save(str(tmp_path / "state"))
    study = opened()
    assert study.metric_names == ["val/sgcls/zs/ngR@100", "loss"]
    done = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    front = {one.number for one in done if not any(
        other.values[0] >= one.values[0] and other.values[1] <= one.values[1] and other.values != one.values
        for other in done)}
    assert len(done) == 30
    assert {trial.number for trial in study.best_trials} == front


def test_on_trial_complete_without_a_metric_of_two_is_a_failure(search, opened, tmp_path):
    one = search(TWO, SEEDS[:1])
    for name, result in (("t0", {OBJECTIVES[0]: 0.5}), ("t1", None)):
        one.suggest(name)
        one.on_trial_complete(name, result, error=result is None)
    one.save(str(tmp_path / "state"))
    assert [trial.state for trial in opened().trials] == [TrialState.FAIL, TrialState.FAIL]


def test_repeating_optuna_resumes_from_a_state_whatever_the_file_has(search, opened, tmp_path):
    """The file is of a later moment than the state, as after a kill. Then it has nothing that the state does not know,
    and the search goes on as it would have."""
    one = search()
    run(one, ["t0", "t1", "t2"])
    one.save(str(tmp_path / "state"))
    whole = run(one, [f"t{number}" for number in range(3, 40)])
    one.save(str(tmp_path / "later"))
    assert len(opened().trials) == 20
    again = search()
    again.restore(str(tmp_path / "state"))
    assert len(opened().trials) == 20  # nothing is written before the first snapshot
    again.save(str(tmp_path / "state"))
    assert [trial.state for trial in opened().trials] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert run(again, [f"t{number}" for number in range(3, 40)]) == whole
    again.save(str(tmp_path / "state"))
    assert len(opened().trials) == 20


def test_repeating_optuna_of_an_earlier_version_goes_on_without_a_file(search, tmp_path):
    """Its state has a study in memory, and the metric of each seed without a name."""
    before = RepeatingSearcher(OptunaSearch(metric=OBJECTIVES[0], mode="max", seed=3), SEEDS, at_once=100)
    before.set_search_properties(None, None, SPACE)
    values = before.suggest("t0")
    before.on_trial_complete("t0", {OBJECTIVES[0]: 0.25})
    state = dict(before.__dict__) | {"_scores": {"t0": [0.25]}}
    (tmp_path / "state").write_bytes(cloudpickle.dumps(state))
    again = search()
    again.restore(str(tmp_path / "state"))
    assert again.suggest("t1") == values | {SEED_KEY: 4}
    again.on_trial_complete("t1", {OBJECTIVES[0]: 0.75})
    assert again.suggest("t2")[SEED_KEY] == 3
    again.save(str(tmp_path / "state"))
    assert not (tmp_path / "optuna.journal").exists()


def test_study_journal_only_adds_lines(search, tmp_path):
    """So a dashboard that has read the file reads on."""
    one, file = search(), tmp_path / "optuna.journal"
    run(one, ["t0", "t1"])
    one.save(str(tmp_path / "state"))
    before = file.read_bytes()
    run(one, ["t2"])
    one.save(str(tmp_path / "state"))
    assert file.read_bytes().startswith(before)
    assert len(file.read_bytes()) > len(before)
    now = file.read_bytes()
    one.save(str(tmp_path / "state"))
    assert file.read_bytes() == now
    assert sorted(path.name for path in tmp_path.iterdir()) == ["optuna.journal", "state"]


def test_study_journal_after_an_error_writes_the_whole_file(tmp_path, full_disk):
    """The disk is full while lines are added, which may cut one off; and the lock of a killed process is in the way."""
    journal = StudyJournal(tmp_path / "optuna.journal")
    journal.append_logs([{"number": number} for number in range(3)])
    journal.write()
    journal.append_logs([{"number": 3}])
    with full_disk(), pytest.raises(OSError, match=r"optuna\.journal"):
        journal.write()
    (tmp_path / "optuna.journal").write_text('{"num')
    (tmp_path / "optuna.journal.lock").touch()
    journal.write()
    lines = (tmp_path / "optuna.journal").read_text().splitlines()
    assert lines == [f'{{"number":{number}}}' for number in range(4)]
    assert [path.name for path in tmp_path.iterdir()] == ["optuna.journal"]
