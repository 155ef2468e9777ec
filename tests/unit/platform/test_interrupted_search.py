"""A search that dies at any moment and resumes decides as a search that does not die.

The schedulers, the searcher and the trials are the real ones. `Tune` below stands for Tune's controller: it does what
that does with a result, in the same order, and dies at a given moment. `Worker` stands for the training.
"""

import copy
import itertools
import json
import platform.trial.trainable
import re
from pathlib import Path
from platform.callbacks.resume_snapshot_store import SnapshotStore
from platform.callbacks.resume_snapshots import SnapshotCallback
from platform.callbacks.trial_status import TrialStatusCallback
from platform.search.early_stopping import past_trials
from platform.search.repeats import SEED_KEY
from platform.search.schedule import scheduler, search_algorithm
from platform.search.search_space import read_axes
from platform.study.directory import StudyDirectory
from platform.trial.trainable import OBJECTIVE, STUDY_KEY
from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from sgg.checkpoint.paths import META, OPTIMIZERS, WEIGHTS
from sgg.common.run_log import History
from sgg.config import Study, load

METRIC = "val/sgcls/zs/ngR@100"
EPOCHS = 5
MOMENTS = ["before its row", "before its checkpoint", "before its report", "before Tune has it", "before the judgement",
           "before it is written", "before Tune knows it", "before it is acted on", "before the record",
           "before the snapshot", "after the snapshot"]
OF_A_TRIAL = MOMENTS[:4]


class Killed(Exception):
    """Nothing after this happens."""


class Moments:
    """Dies at one moment of one result; `at` None: never."""

    def __init__(self, at=None):
        self.at, self.seen = at, []

    def pass_by(self, name, trial, epoch):
        self.seen.append((name, trial, epoch))
        if self.at == (name, trial, epoch):
            self.at = None
            raise Killed


class Worker:
    """Trains an epoch whenever it is asked for a report; its metrics are in a table."""

    scores, moments = {}, Moments()
    is_free = False

    def __init__(self, function, *, name, **settings):
        self.name = name

    def begin(self, arguments):
        self._reports = self._work(Path(arguments["directory"]), self.name, arguments["start_from"])

    def _work(self, folder, name, donor):
        history, checkpoints = History(folder), folder / "checkpoints"
        begun = int(re.search(r"epoch_(\d+)", donor)[1]) if donor else 0
        done = max([begun, *(int(path.name[-4:]) for path in checkpoints.glob("epoch_*"))])
        yield from (row for row in history.rows(up_to=done) if row["epoch"] > begun)
        for epoch in range(done + 1, EPOCHS + 1):
            self.moments.pass_by("before its row", name, epoch)
            row = history.append(epoch, {"loss": 1.0, METRIC: self.scores[name][epoch - 1]})
            self.moments.pass_by("before its checkpoint", name, epoch)
            (checkpoints / f"epoch_{epoch:04d}").mkdir(parents=True)
            (checkpoints / f"epoch_{epoch:04d}" / META).write_text(json.dumps({"epoch": epoch}))
            for part in (WEIGHTS, OPTIMIZERS):
                (checkpoints / f"epoch_{epoch:04d}" / part).touch()
            self.moments.pass_by("before its report", name, epoch)
            yield row

    def next_report(self):
        return next(self._reports, None)

    def stop(self):
        pass


class TrialHere(platform.trial.trainable.Trial):
    """The process of a trial, in this process."""

    def __init__(self, trial):
        self.name = trial.trial_id
        self.setup(trial.config)

    @property
    def trial_id(self):
        return self.name


class HearingOptuna(OptunaSearch):
    """The searcher of Optuna. `heard`: the results of trials that it gets, which are saved and restored with it."""

    newest = None

    def __init__(self, **settings):
        super().__init__(**settings)
        self.heard = []
        HearingOptuna.newest = self

    def __setstate__(self, state):
        self.__dict__.update(state)
        HearingOptuna.newest = self

    def on_trial_result(self, trial_id, result):
        self.heard.append((trial_id, "before its end", result))
        super().on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id, result=None, error=False):
        self.heard.append((trial_id, "at its end", result))
        super().on_trial_complete(trial_id, result, error)


def register_checkpoint(trial, pointer):
    trial.run_metadata.checkpoint_manager.register_checkpoint(SimpleNamespace(checkpoint=pointer, metrics={}))


class Tune:
    """A session of a search: Tune's controller, as far as its listeners see it.

    trials: name -> configuration. snapshots: what survives of Tune itself, a list whose last entry is the newest.
    """

    resumed = True

    def __init__(self, study, axes, trials, snapshots, moments):
        self.moments, self.snapshots, self.search_alg, self.decisions = moments, snapshots, None, {}
        self.directory, self.actors = StudyDirectory.of(study), {}
        if study.base.search.algorithm == "optuna":
            trials = self._suggested(study, axes, trials)
        past = {record.name: done for record, done in past_trials(self.directory)}
        self.rule = scheduler(study, axes, EPOCHS, past)
        judge = getattr(self.rule, "rule", self.rule)
        self._spy_on(judge)
        self.snapshot_callback = SnapshotCallback(SnapshotStore(self.directory.path / "unused"), resumed=False)
        self.scheduler = self.snapshot_callback.before_trials_of(self.rule)
        self.status_callback = TrialStatusCallback(self.directory, max_failures=3)
        saved = snapshots[-1] if snapshots else {}
        if saved.get("memory"):
            self.snapshot_callback.set_state(saved["memory"])
        self.trials = []
        for name, config in trials.items():
            state = saved.get(name, {"config": {STUDY_KEY: str(self.directory.path), **config}, "last": {},
                                     "status": "PENDING", "pointer": None})
            trial = TuneTrial("stub", trial_id=name, config=copy.deepcopy(state["config"]), stub=True)
            trial.run_metadata.last_result = dict(state["last"])
            trial.set_status(state["status"] if state["status"] == "TERMINATED" else "PENDING")
            if state["pointer"]:
                register_checkpoint(trial, state["pointer"])
            self.trials.append(trial)
            self.scheduler.on_trial_add(self, trial)
        if not snapshots:
            self.snapshot()  # before any trial begins

    def _suggested(self, study, axes, trials):
        """The searcher's own configurations, as the snapshot says that it had made them."""
        self.search_alg = search_algorithm(study, axes, len(trials))
        self.search_alg.set_search_properties(None, None, {axis.key: axis.domain() for axis in axes})
        if self.snapshots:
            self.search_alg.restore(self.snapshots[-1]["searcher"])
            return trials
        return {name: self.search_alg.suggest(name) for name in trials}

    def _spy_on(self, judge):
        on_trial_result = judge.on_trial_result

        def judged(controller, trial, result):
            decision = on_trial_result(controller, trial, result)
            self.moments.pass_by("before it is written", trial.trial_id, result["epoch"])
            return decision

        judge.on_trial_result = judged

    # What schedulers ask of a controller.
    def get_trials(self):
        return self.trials

    def get_live_trials(self):
        return []

    def pause_trial(self, trial, should_checkpoint):
        trial.set_status("PAUSED")

    def _schedule_trial_save(self, trial, result):
        pointer = self.actors[trial.trial_id].save_checkpoint("")
        register_checkpoint(trial, pointer)
        return pointer

    # What a controller does.
    def run(self, order):
        """Take results in this order of (trial, epoch), without those that were taken."""
        for trial in self.trials:
            if trial.status == "PENDING":
                self._start(trial)
        for name, epoch in order:
            trial = next(trial for trial in self.trials if trial.trial_id == name)
            if trial.status != "TERMINATED" and trial.last_result.get("epoch", 0) < epoch:
                self._take(trial)
        for trial in self.trials:
            if trial.status != "TERMINATED":
                result = self._step(trial)
                assert result["done"]
                trial.update_last_result(result)
                self._stop(trial)

    def _start(self, trial):
        actor = TrialHere(trial)
        trial.temporary_state.ray_actor = SimpleNamespace(
            resume_after=SimpleNamespace(remote=actor.resume_after), halt=SimpleNamespace(remote=actor.halt))
        self.actors[trial.trial_id] = actor
        self.status_callback.on_trial_start(0, self.trials, trial)
        actor.load_checkpoint(trial.checkpoint)
        trial.set_status("RUNNING")

    def _step(self, trial):
        if trial.status == "PAUSED":
            self._start(trial)
        return self.actors[trial.trial_id].step()

    def _take(self, trial):
        result = self._step(trial)
        if result.get("done"):
            trial.update_last_result(result)
            self._stop(trial)
            return
        name, epoch = trial.trial_id, result["epoch"]
        self.moments.pass_by("before Tune has it", name, epoch)
        self.moments.pass_by("before the judgement", name, epoch)
        before = trial.checkpoint
        decision = self.scheduler.on_trial_result(self, trial, result)
        copied = trial.checkpoint["checkpoint"] if trial.status == "PAUSED" and trial.checkpoint is not before else None
        self.decisions[name, epoch] = decision, copied and Path(copied).parents[1].name
        self.moments.pass_by("before Tune knows it", name, epoch)
        if self.search_alg and decision != TrialScheduler.STOP:
            self.search_alg.on_trial_result(name, result)
        trial.update_last_result(result)
        self.moments.pass_by("before it is acted on", name, epoch)
        if decision == TrialScheduler.STOP:
            self._stop(trial)
        self.moments.pass_by("before the snapshot", name, epoch)
        self.snapshot()
        self.moments.pass_by("after the snapshot", name, epoch)

    def _stop(self, trial):
        self.scheduler.on_trial_complete(self, trial, trial.last_result)
        if self.search_alg:
            self.search_alg.on_trial_complete(trial.trial_id, trial.last_result)
        self.moments.pass_by("before the record", trial.trial_id, trial.last_result["epoch"])
        self.status_callback.on_trial_complete(0, self.trials, trial)
        trial.set_status("TERMINATED")

    def snapshot(self):
        searcher = str(self.directory.path / f"searcher-{len(self.snapshots)}")
        if self.search_alg:
            self.search_alg.save(searcher)
        self.snapshots.append(copy.deepcopy(
            {"memory": self.snapshot_callback.get_state(), "searcher": searcher} | {
                trial.trial_id: {"config": trial.config, "last": trial.last_result, "status": trial.status,
                                 "pointer": trial.checkpoint} for trial in self.trials}))

    def lose(self, name):
        """A trial's process is gone; Tune starts it again."""
        trial = next(trial for trial in self.trials if trial.trial_id == name)
        del self.actors[name]
        self.scheduler.on_trial_error(self, trial)
        trial.set_status("PENDING")
        self.scheduler.on_trial_add(self, trial)


used = itertools.count()


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Reads the study of a text. Files and settings are read once: they stay as they are, whatever dies, and reading
    them for each trial of each search takes longer than all else here."""
    folder, known = tmp_path_factory.mktemp("searches"), {}

    def once(function, key):
        return lambda *of: known[key(*of)] if key(*of) in known else known.setdefault(key(*of), function(*of))

    def read(text):
        seeds = [0] if "pbt" in text else [0, 1]
        path = folder / f"config{len(known)}.yaml"
        path.write_text(f"experiment: {{name: s{len(known)}, output: {folder}, seed: {seeds}}}\n"
                        f"loss: {{scale: {{search: choice, of: [1, 2, 3, 4]}}}}\n{text}")
        return *read_axes(load(path)), seeds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StudyDirectory, "study", once(StudyDirectory.study, lambda directory: directory.path))
        patch.setattr(Study, "trial", once(
            Study.trial, lambda study, values: f"{study.source} {sorted(values.items())}"))
        yield once(read, lambda text: text)


@pytest.fixture
def search(studies, monkeypatch):
    """Runs a search of trials with given scores, dies at `moment` of one result, resumes it, and returns what was
    decided on each result (the last time that it was) and the trials at the end. every: snapshots are taken after so
    many results. whole: the process that dies is the whole search's, not one trial's. again: the order in which results
    come after it, by default that of before."""
    monkeypatch.setattr(platform.trial.trainable, "TrainRun", Worker)
    monkeypatch.setattr("os.fsync", lambda file: None)  # processes die here, not the machine

    def run(text, scores, order, die=None, whole=True, every=1, again=None):
        study, axes, seeds = studies(text)
        if (earlier := StudyDirectory.of(study).path).exists():
            earlier.rename(f"{earlier}-{next(used)}")  # as it is quicker than to remove it
        data = {"hash": "0", "description": "none"}
        StudyDirectory.of(study).begin(study, {"data": data, "fit": "", "resources": {}})
        trials = {name: {"loss.scale": 1 + number // len(seeds), SEED_KEY: number % len(seeds)}
                  for number, name in enumerate(scores)}
        moments = Worker.moments = Moments(die)
        Worker.scores = scores
        snapshots, decisions = [], {}
        tune = Tune(study, axes, trials, snapshots, moments)
        if every > 1:
            take, counter = tune.snapshot, itertools.count(1)
            tune.snapshot = lambda: take() if next(counter) % every == 0 else None
        try:
            tune.run(order)
        except Killed:
            if whole:
                decisions = tune.decisions
                tune = Tune(study, axes, trials, snapshots, moments)
            else:
                tune.lose(die[1])
            tune.run(again or order)
        assert moments.at is None, "it has died where it should"
        ends = {record.name: record.status for record in tune.directory.records()}
        return decisions | tune.decisions, ends, tune

    return run


def in_turns(names):
    """Every trial reports its first epoch, then every trial its second, ..., the last one first in every second."""
    return [(name, epoch) for epoch in range(1, EPOCHS + 1) for name in (names if epoch % 2 else names[::-1])]


def some(seen, moment):
    """Every third of the results that come to a moment; the first two moments begin with the first two results, ..."""
    return [when for when in seen if when[0] == moment][MOMENTS.index(moment) % 3::3]


# Pairs are two seeds of a configuration. The fourth configuration would be stopped if any of its epochs were missed, or
# taken for another: it is the best at epoch 1 and loses what it had.
SCORES = {"a0": [.2, .3, .4, .5, .6], "a1": [.9] * 5, "b0": [.1, .5, .6, .7, .8], "b1": [.1] * 5,
          "c0": [.5, .5, .5, .5, .5], "c1": [.5] * 5, "d0": [.6, .6, .3, .3, .9], "d1": [.6] * 5}
STOPPING = {rule: f"search: {{scheduler: {rule}, grace_epochs: 1{extra}}}\n"
            for rule, extra in (("asha", ", reduction_factor: 2"), ("median", ""))}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("rule", STOPPING)
def test_early_stopping(search, rule, moment):
    """Killed at this moment of each result."""
    order = in_turns(list(SCORES))
    expected, ends, tune = search(STOPPING[rule], SCORES, order)
    assert 2 < sum(decision == TrialScheduler.STOP for decision, _ in expected.values()) < len(SCORES)
    for number, die in enumerate(some(tune.moments.seen, moment)):
        decided, ended, _ = search(STOPPING[rule], SCORES, order, die, every=1 + number % 4)
        assert decided == expected, die
        assert ended == ends


@pytest.mark.parametrize("rule", STOPPING)
def test_judgements_stand_in_whatever_order_results_come(search, rule):
    """Tune has saved nothing since the start, and other trials are first to report again."""
    order = in_turns(list(SCORES))
    expected, _, _ = search(STOPPING[rule], SCORES, order)
    judged = list(expected)
    for name, epoch in judged[1::3]:
        again = sorted(order, key=lambda each: (each[1], [*SCORES].index(each[0]) * (-1) ** each[1]))
        decided, _, tune = search(STOPPING[rule], SCORES, order, ("before Tune knows it", name, epoch), again=again,
                                  every=10**6)
        before = judged[:judged.index((name, epoch)) + 1]
        assert {key: decided[key] for key in before} == {key: expected[key] for key in before}
        once = {key for key in before if expected[key][0] != TrialScheduler.STOP and key[1] < EPOCHS}
        assert not once & set(tune.decisions)


POPULATION = "search: {scheduler: pbt, grace_epochs: 2, trials: 4}\n"
MEMBERS = {"a": [.1, .2, .1, .1, .1], "b": [.3, .9, .3, .2, .3], "c": [.4, .4, .4, .4, .4], "d": [.5, .5, .5, .95, .5]}


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "before the record"])
@pytest.mark.parametrize("every", [1, 3])
def test_population_based_training(search, moment, every):
    """At epochs 2 and 4 the worst copies the best, which is another one each time."""
    order = [(name, epoch) for epoch in range(1, EPOCHS + 1) for name in ("c", "b", "d", "a")]
    expected, ends, tune = search(POPULATION, MEMBERS, order)
    assert {key: donor for key, (_, donor) in expected.items() if donor} == {("a", 2): "b", ("a", 4): "d"}
    for die in some(tune.moments.seen, moment):
        decided, ended, _ = search(POPULATION, MEMBERS, order, die, every=every)
        assert decided == expected, die
        assert ended == ends


@pytest.mark.parametrize("moment", OF_A_TRIAL)
@pytest.mark.parametrize("rule", [*STOPPING, "pbt"])
def test_scheduler_decides_the_same_after_a_trial_loses_its_process(search, rule, moment):
    """Tune starts the trial again in the same session; results that were on their way to it come again."""
    text, scores = (POPULATION, MEMBERS) if rule == "pbt" else (STOPPING[rule], SCORES)
    order = in_turns(list(scores))
    expected, ends, tune = search(text, scores, order)
    for die in some(tune.moments.seen, moment):
        decided, ended, _ = search(text, scores, order, die, whole=False)
        assert decided == expected, die
        assert ended == ends


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "before it is written"])
def test_search_algorithm_gives_optuna_each_mean_once_and_nothing_before(search, monkeypatch, moment):
    """A configuration's mean, over its two seeds, once its last trial has ended. Nothing that could prune trials."""
    monkeypatch.setattr("platform.search.optuna_search.OptunaSearch", HearingOptuna)
    text = "search: {algorithm: optuna, trials: 2}\n"
    scores = {name: [.1 * number + .01 * epoch for epoch in range(EPOCHS)]
              for number, name in enumerate(("a", "b", "c", "d"), start=1)}
    order = in_turns(list(scores))
    means = [("a", "at its end", {OBJECTIVE: pytest.approx(.19)}), ("c", "at its end", {OBJECTIVE: pytest.approx(.39)})]
    _, ends, tune = search(text, scores, order)
    assert HearingOptuna.newest.heard == means
    for die in some(tune.moments.seen, moment):
        _, ended, _ = search(text, scores, order, die, every=2)
        assert HearingOptuna.newest.heard == means, die
        assert ended == ends
