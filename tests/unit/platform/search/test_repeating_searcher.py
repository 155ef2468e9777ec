from platform.search.repeating_searcher import RepeatingSearcher
from platform.search.repeats import SEED_KEY

import pytest
from ray.tune.search import Searcher

SEEDS = [{SEED_KEY: 5}, {SEED_KEY: 6}]


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
def chooser():
    return Listed()


@pytest.fixture
def search(chooser):
    return RepeatingSearcher(chooser, SEEDS, at_once=4)


def test_repeating_searcher_runs_every_suggestion_on_every_seed(search):
    assert [search.suggest(name) for name in "abcd"] == [
        {"x": 10, SEED_KEY: 5}, {"x": 10, SEED_KEY: 6}, {"x": 20, SEED_KEY: 5}, {"x": 20, SEED_KEY: 6}]


def test_on_trial_complete_reports_the_mean_after_the_last_seed(search, chooser):
    for name in "abcd":
        search.suggest(name)
    search.on_trial_complete("b", {"m": 1.0})
    assert chooser.heard == []
    search.on_trial_complete("a", {"m": 2.0})
    assert chooser.heard == [("a", {"m": 1.5}, False)]


def test_on_trial_complete_leaves_failed_seeds_out(search, chooser):
    for name in "abcd":
        search.suggest(name)
    for name, result, error in (("a", {"m": 9.0}, True), ("b", {"m": 1.0}, False), ("c", None, True), ("d", {}, False)):
        search.on_trial_complete(name, result, error)
    assert chooser.heard == [("a", {"m": 1.0}, False), ("c", None, True)]


def test_repeating_searcher_runs_no_more_at_once_than_allowed(search):
    for name in "abcd":
        search.suggest(name)
    assert search.suggest("e") is None
    search.on_trial_complete("a", {"m": 1.0})
    assert search.suggest("e") == {"x": 30, SEED_KEY: 5}


def test_repeating_searcher_ends_when_its_searcher_ends(search):
    for number in range(6):
        search.suggest(str(number))
        search.on_trial_complete(str(number), {"m": 1.0})
    assert search.suggest("last") == Searcher.FINISHED


def test_state_survives_between_the_seeds_of_a_configuration(search, tmp_path, monkeypatch):
    heard = []
    monkeypatch.setattr(Listed, "on_trial_complete",
                        lambda self, name, result, error: heard.append((name, result, error)))
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    again = RepeatingSearcher(Listed(), SEEDS, at_once=2)
    again.restore(str(tmp_path / "state"))
    assert again.suggest("b") == {"x": 10, SEED_KEY: 6}
    heard.clear()
    again.on_trial_complete("a", {"m": 1.0})
    again.on_trial_complete("b", {"m": 3.0})
    assert heard == [("a", {"m": 2.0}, False)]


def test_repeating_searcher_uses_another_limit_after_resuming(search, tmp_path):
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    again = RepeatingSearcher(Listed(), SEEDS, at_once=1)
    again.restore(str(tmp_path / "state"))
    assert again.suggest("b") is None


class Stubborn(Listed):
    """Suggests 10 again before another value, and only old values at the end."""

    def __init__(self):
        super().__init__()
        self.left = [10, 10, 10, 20]

    def suggest(self, trial_id):
        return {"x": self.left.pop(0) if self.left else 20}


def test_repeating_searcher_answers_a_repeated_suggestion_without_running_it():
    """At first the first run is under way, and has no mean yet."""
    chooser = Stubborn()
    search = RepeatingSearcher(chooser, SEEDS, at_once=4)
    assert [search.suggest(name) for name in "ab"] == [{"x": 10, SEED_KEY: 5}, {"x": 10, SEED_KEY: 6}]
    chooser.left = [10, 20]
    assert search.suggest("c") == {"x": 20, SEED_KEY: 5}
    assert chooser.heard == [("c", None, True)]
    for name, value in (("a", 1.0), ("b", 3.0)):
        search.on_trial_complete(name, {"m": value})
    assert search.suggest("d") == {"x": 20, SEED_KEY: 6}
    chooser.left, chooser.heard = [10, 10, 30], []
    assert search.suggest("e") == {"x": 30, SEED_KEY: 5}
    assert chooser.heard == [("e", {"m": 2.0}, False), ("e-1", {"m": 2.0}, False)]
    search.on_trial_complete("e", {"m": 8.0})
    assert search.suggest("f") == {"x": 30, SEED_KEY: 6}
    search.on_trial_complete("f", {"m": 4.0})
    assert chooser.heard[-1] == ("e-2", {"m": 6.0}, False), "under the name that it was suggested by"


def test_repeating_searcher_ends_when_its_searcher_finds_nothing_new():
    search = RepeatingSearcher(Stubborn(), SEEDS[:1], at_once=4)
    assert [search.suggest(name) for name in "abc"] == [{"x": 10, SEED_KEY: 5}, {"x": 20, SEED_KEY: 5},
                                                        Searcher.FINISHED]


def test_repeating_searcher_knows_after_resuming_what_was_tried(tmp_path):
    search = RepeatingSearcher(Stubborn(), SEEDS[:1], at_once=4)
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    again = RepeatingSearcher(Stubborn(), SEEDS[:1], at_once=4)
    again.restore(str(tmp_path / "state"))
    assert again.suggest("b") == {"x": 20, SEED_KEY: 5}


def test_on_trial_complete_reports_the_mean_of_each_metric():
    """A seed without one of them is left out of both."""
    chooser = Listed()
    chooser._metric, chooser._mode = ["m", "k"], ["max", "min"]
    search = RepeatingSearcher(chooser, [*SEEDS, {SEED_KEY: 7}], at_once=4)
    for name, result in (("a", {"m": 1.0, "k": 4.0}), ("b", {"m": 9.0}), ("c", {"m": 3.0, "k": 8.0})):
        search.suggest(name)
        search.on_trial_complete(name, result)
    assert chooser.heard == [("a", {"m": 2.0, "k": 6.0}, False)]


def test_repeating_searcher_runs_every_suggestion_on_every_data_set():
    genomes = [{"data.seed": genome, SEED_KEY: seed} for genome in (1, 2) for seed in (5, 6)]
    chooser = Listed()
    search = RepeatingSearcher(chooser, genomes, at_once=9)
    assert [search.suggest(name) for name in "abcd"] == [{"x": 10, **repeat} for repeat in genomes]
    for name, value in zip("abcd", (1.0, 2.0, 3.0, 6.0), strict=True):
        search.on_trial_complete(name, {"m": value})
    assert chooser.heard == [("a", {"m": 3.0}, False)]


def test_restore_of_a_state_that_repeats_on_seeds_alone(tmp_path):
    """Earlier versions kept the seed of a waiting trial as a number."""
    search = RepeatingSearcher(Listed(), SEEDS, at_once=4)
    search.suggest("a")
    search._waiting = [(leader, values, repeat[SEED_KEY]) for leader, values, repeat in search._waiting]
    search.save(str(tmp_path / "state"))
    again = RepeatingSearcher(Listed(), SEEDS, at_once=4)
    again.restore(str(tmp_path / "state"))
    assert [again.suggest(name) for name in "bc"] == [{"x": 10, SEED_KEY: 6}, {"x": 20, SEED_KEY: 5}]
