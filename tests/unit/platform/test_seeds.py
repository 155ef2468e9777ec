from platform.seeds import SEED_KEY, FirstSeedDecides, OncePerSeed
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher


class Listed(Searcher):
    """Suggests 10, 20, 30 and remembers what it hears."""

    def __init__(self):
        super().__init__(metric="m", mode="max")
        self.left, self.heard = [10, 20, 30], []

    def suggest(self, trial_id):
        return {"x": self.left.pop(0)} if self.left else Searcher.FINISHED

    def on_trial_complete(self, trial_id, result=None, error=False):
        self.heard.append((trial_id, result, error))


@pytest.fixture
def search():
    return OncePerSeed(Listed(), [5, 6], at_once=4)


def test_every_suggestion_is_run_on_every_seed(search):
    assert [search.suggest(name) for name in "abcd"] == [
        {"x": 10, SEED_KEY: 5}, {"x": 10, SEED_KEY: 6}, {"x": 20, SEED_KEY: 5}, {"x": 20, SEED_KEY: 6}]


def test_the_chooser_hears_the_mean_once_the_last_seed_is_in(search):
    for name in "abcd":
        search.suggest(name)
    search.on_trial_complete("b", {"m": 1.0})
    assert search._chooser.heard == []
    search.on_trial_complete("a", {"m": 2.0})
    assert search._chooser.heard == [("a", {"m": 1.5}, False)]


def test_failed_seeds_do_not_count(search):
    for name in "abcd":
        search.suggest(name)
    for name, result, error in (("a", {"m": 9.0}, True), ("b", {"m": 1.0}, False), ("c", None, True), ("d", {}, False)):
        search.on_trial_complete(name, result, error)
    assert search._chooser.heard == [("a", {"m": 1.0}, False), ("c", None, True)]


def test_no_more_at_once_than_allowed(search):
    for name in "abcd":
        search.suggest(name)
    assert search.suggest("e") is None
    search.on_trial_complete("a", {"m": 1.0})
    assert search.suggest("e") == {"x": 30, SEED_KEY: 5}


def test_the_end_is_the_choosers_end(search):
    for number in range(6):
        search.suggest(str(number))
        search.on_trial_complete(str(number), {"m": 1.0})
    assert search.suggest("last") == Searcher.FINISHED


def test_state_survives_between_the_seeds_of_a_configuration(search, tmp_path):
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    again = OncePerSeed(Listed(), [5, 6], at_once=4)
    again.restore(str(tmp_path / "state"))
    assert again.suggest("b") == {"x": 10, SEED_KEY: 6}
    again.on_trial_complete("a", {"m": 1.0})
    again.on_trial_complete("b", {"m": 3.0})
    assert again._chooser.heard == [("a", {"m": 2.0}, False)]


class Below(FIFOScheduler):
    """Stops what is below 5."""

    def on_trial_result(self, controller, trial, result):
        return self.STOP if result["m"] < 5 else self.CONTINUE


@pytest.fixture
def decided():
    """The decision on a configuration's trial of a seed with a result, by a scheduler to which seed 5 is the first."""
    rule = FirstSeedDecides(Below(), 5, "epoch", end=3)

    def decide(x, seed, value, epoch=1):
        trial = SimpleNamespace(config={"x": x, SEED_KEY: seed})
        return rule.on_trial_result(None, trial, {"m": value, "epoch": epoch})
    return decide


def test_seeds_of_a_configuration_stop_together(decided):
    assert decided(10, 6, 1) == TrialScheduler.CONTINUE, "nobody has judged it yet"
    assert decided(10, 5, 1) == TrialScheduler.STOP
    assert decided(10, 6, 9) == TrialScheduler.STOP, "however good it is itself"
    assert decided(20, 6, 1) == TrialScheduler.CONTINUE


def test_seeds_of_a_good_configuration_go_on_together(decided):
    assert decided(10, 5, 9) == TrialScheduler.CONTINUE
    assert decided(10, 6, 1) == TrialScheduler.CONTINUE


def test_a_trial_at_its_end_is_left_to_be_tested(decided):
    assert decided(10, 5, 1) == TrialScheduler.STOP
    assert decided(10, 6, 1, epoch=3) == TrialScheduler.CONTINUE


def test_only_first_seeds_are_compared():
    """Of four trials of two configurations ASHA sees two, and stops the worse with both seeds."""
    rule = FirstSeedDecides(ASHAScheduler(time_attr="epoch", metric="m", mode="max", max_t=9, grace_period=1,
                                          reduction_factor=2), 5, "epoch", end=8)
    trials = {(x, seed): SimpleNamespace(config={"x": x, SEED_KEY: seed}, trial_id=f"{x}-{seed}")
              for x in (10, 20) for seed in (5, 6)}
    for trial in trials.values():
        rule.on_trial_add(SimpleNamespace(search_alg=None), trial)
    decisions = {key: rule.on_trial_result(None, trials[key], {"m": value, "epoch": 1})
                 for key, value in {(10, 5): 5, (10, 6): 1, (20, 5): 4, (20, 6): 9}.items()}
    assert [key for key, decision in decisions.items() if decision == TrialScheduler.STOP] == [(20, 5), (20, 6)]
