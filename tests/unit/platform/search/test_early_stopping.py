from platform.search.early_stopping import EarlyStopping, Past
from platform.search.judgements import Judgement, Judgements
from platform.search.repeats import SEED_KEY
from platform.trial.trainable import FAILED_KEY, OBJECTIVE, TIME

import pytest
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

GO_ON, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


class Below(FIFOScheduler):
    """Stops what is below 5."""

    def on_trial_result(self, controller, trial, result):
        return self.STOP if result[OBJECTIVE] < 5 else self.CONTINUE


class Recorded(MedianStoppingRule):
    """The median rule, with the epochs that it has got."""

    def __init__(self):
        super().__init__(time_attr=TIME, metric=OBJECTIVE, mode="max", grace_period=1, min_samples_required=2)
        self.epochs = []

    def on_trial_result(self, controller, trial, result):
        self.epochs.append(result[TIME])
        return super().on_trial_result(controller, trial, result)

    def on_trial_complete(self, controller, trial, result):
        self.epochs.append(result[TIME])
        super().on_trial_complete(controller, trial, result)


class Stated:
    """What Tune says to a scheduler about a trial, and about others: none waits."""

    search_alg = None

    def __init__(self, x, seed=5, saved=0, **config):
        self.last_result = {TIME: saved} if saved else {}
        self.config, self.trial_id = {"x": x, SEED_KEY: seed, **config}, f"{x}-{seed}"

    def get_live_trials(self):
        return []

    def update_last_result(self, result):
        self.last_result = result


@pytest.fixture
def early_stopping(tmp_path):
    """Makes early stopping by a rule, where seed 5 is the first and trials have eight epochs."""
    judgements = Judgements(tmp_path / "judgements.jsonl")
    return lambda rule, end=8, past=None: EarlyStopping(rule, {SEED_KEY: 5}, end, judgements, past)


def result(value, epoch=1, **more):
    return {OBJECTIVE: value, TIME: epoch, **more}


@pytest.fixture
def decided(early_stopping):
    """The decision on a configuration's trial of a seed with a result."""
    rule = early_stopping(Below(), end=3)
    return lambda x, seed, value, epoch=1: rule.on_trial_result(None, Stated(x, seed), result(value, epoch))


def test_early_stopping_stops_the_seeds_of_a_configuration_together(decided):
    assert decided(10, 6, 1) == GO_ON, "nobody has judged it yet"
    assert decided(10, 5, 1) == STOP
    assert decided(10, 6, 9) == STOP, "however good it is itself"
    assert decided(20, 6, 1) == GO_ON


def test_early_stopping_continues_the_seeds_of_a_good_configuration_together(decided):
    assert decided(10, 5, 9) == GO_ON
    assert decided(10, 6, 1) == GO_ON


def test_early_stopping_stops_all_data_sets_by_the_first(tmp_path):
    """The rule never compares a trial with one on another data set."""
    rule = EarlyStopping(Below(), {"data.seed": 1, SEED_KEY: 5}, 8, Judgements(tmp_path / "judgements.jsonl"))

    def decide(genome, seed, value):
        trial = Stated(10, seed, **{"data.seed": genome})
        trial.trial_id = f"{genome}-{seed}"
        return rule.on_trial_result(None, trial, result(value))

    assert [decide(2, 5, 1), decide(1, 6, 1)] == [GO_ON, GO_ON], "neither is the first repetition"
    assert decide(1, 5, 1) == STOP
    assert [decide(2, 5, 9), decide(2, 6, 9), decide(1, 6, 9)] == [STOP] * 3


def test_early_stopping_does_not_stop_a_trial_in_its_last_epoch(decided):
    assert decided(10, 5, 1) == STOP
    assert decided(10, 6, 1, epoch=3) == GO_ON
    assert decided(20, 5, 1, epoch=3) == GO_ON, "the first seed's too, under every rule"
    assert decided(20, 6, 1) == GO_ON


def test_early_stopping_takes_the_last_epoch_from_the_trials_own_settings(early_stopping):
    """Where epochs are searched, a short trial ends while others have far to go."""
    rule = early_stopping(Below(), end=9)
    short = Stated(10, **{"training.epochs": 2})
    assert rule.on_trial_result(None, short, result(1, epoch=2)) == GO_ON
    assert rule.on_trial_result(None, short, result(1, epoch=1)) == STOP


@pytest.mark.parametrize("failure", [{}, {TIME: 1}, {TIME: 1, OBJECTIVE: 1}])
def test_early_stopping_does_not_judge_a_failure(failure, early_stopping):
    """A trial that fails before its first report has neither epoch nor metric."""
    rule = early_stopping(Below(), end=3)
    for seed in (5, 6):
        assert rule.on_trial_result(None, Stated(10, seed), {**failure, FAILED_KEY: "it raised"}) == GO_ON
    assert rule.on_trial_result(None, Stated(10, 6), result(1)) == GO_ON


def asha():
    return ASHAScheduler(time_attr=TIME, metric=OBJECTIVE, mode="max", max_t=9, grace_period=1, reduction_factor=2)


def median():
    return MedianStoppingRule(time_attr=TIME, metric=OBJECTIVE, mode="max", grace_period=1, min_samples_required=2)


def test_early_stopping_compares_only_first_seeds(early_stopping):
    """Of four trials of two configurations ASHA sees two, and stops the worse with both seeds."""
    rule = early_stopping(asha())
    trials = {(x, seed): Stated(x, seed) for x in (10, 20) for seed in (5, 6)}
    for trial in trials.values():
        rule.on_trial_add(trial, trial)
    decisions = {key: rule.on_trial_result(None, trials[key], result(value))
                 for key, value in {(10, 5): 5, (10, 6): 1, (20, 5): 4, (20, 6): 9}.items()}
    assert [key for key, decision in decisions.items() if decision == STOP] == [(20, 5), (20, 6)]


@pytest.mark.parametrize("make", [asha, median])
def test_early_stopping_decides_after_resuming_as_without_the_interruption(make, early_stopping):
    """Three trials reported two epochs each; what the fourth reports now is compared with them."""
    before = {10: 5, 20: 6, 30: 7}
    past = {f"{x}-5": Past([result(value, 1), result(value, 2)], Judgement(2)) for x, value in before.items()}
    rule, forgetful = early_stopping(make(), past=past), early_stopping(make())
    for each in (rule, forgetful):
        for x in (*before, 40):
            each.on_trial_add(Stated(x), Stated(x))
    late = Stated(40)
    assert rule.on_trial_result(late, late, result(1)) == STOP
    assert forgetful.on_trial_result(late, late, result(1)) == GO_ON
    good = Stated(50)
    rule.on_trial_add(good, good)
    assert rule.on_trial_result(good, good, result(9)) == GO_ON


@pytest.mark.parametrize(("saved", "judged", "known"), [(0, 0, 0), (0, 1, 1), (1, 2, 2), (3, 2, 3), (1, 0, 1)])
def test_early_stopping_knows_only_judged_and_saved_results_after_resuming(saved, judged, known, early_stopping):
    """Of three rows on disk. An epoch may be saved and not judged: a last one, or one of a search of the first edition.
    """
    recorded = Recorded()
    rule = early_stopping(recorded, past={"10-5": Past([result(epoch, epoch) for epoch in (1, 2, 3)],
                                                       Judgement(judged))})
    trial = Stated(10, saved=saved)
    rule.on_trial_add(trial, trial)
    assert recorded.epochs == list(range(1, known + 1))
    assert trial.last_result.get(TIME, 0) == known


def test_early_stopping_repeats_a_stop_that_tune_has_not_executed(early_stopping):
    rule = early_stopping(asha(), past={"10-5": Past([result(9, 1), result(9, 2)], Judgement(2, stop=True))})
    trial = Stated(10)
    rule.on_trial_add(trial, trial)
    assert trial.last_result[TIME] == 1
    assert rule.on_trial_result(trial, trial, result(9, 2)) == STOP


def test_early_stopping_does_not_judge_an_epoch_again_that_is_trained_again(early_stopping, tmp_path):
    """A damaged checkpoint costs its epoch. The median rule would count the metric twice, ASHA take it for a later one.
    """
    recorded = Recorded()
    rule = early_stopping(recorded)
    trial = Stated(10)
    rule.on_trial_add(trial, trial)
    for epoch in (1, 2, 2, 3):
        rule.on_trial_result(trial, trial, result(9, epoch))
    rule.on_trial_complete(trial, trial, result(9, 3))
    assert recorded.epochs == [1, 2, 3]
    assert Judgements(tmp_path / "judgements.jsonl").last() == {"10-5": Judgement(3)}


def test_early_stopping_keeps_a_configuration_stopped_with_all_seeds(early_stopping):
    rule = early_stopping(asha(), past={"10-5": Past([result(1)], Judgement(1, stop=True), stopped=True)})
    first, other = Stated(10, 5), Stated(10, 6)
    for trial in (first, other):
        rule.on_trial_add(trial, trial)
    assert first.last_result[TIME] == 1
    assert rule.on_trial_result(None, other, result(9, epoch=2)) == STOP


def test_early_stopping_never_pauses_a_trial(early_stopping):
    """The median rule would pause it while others wait for a place; a pause gives its process to another trial."""
    class Busy(Stated):
        def get_live_trials(self):
            waiting = Stated(1)
            waiting.status = "PENDING"
            return [waiting]

    alone = median()
    rule, trial = early_stopping(alone), Busy(10)
    rule.on_trial_add(trial, trial)
    assert alone.on_trial_result(trial, trial, result(1)) == TrialScheduler.PAUSE
    assert rule.on_trial_result(trial, trial, result(1, 2)) == GO_ON
