from platform.search.early_stopping import EarlyStopping
from platform.search.planned_trials import number_of_trials, plan
from platform.search.schedule import (
    param_space,
    resources_per_trial,
    scheduler,
    trials_at_once,
    within_ranges,
)
from platform.search.search_space import read_axes
from platform.trial.trainable import OBJECTIVE
from types import SimpleNamespace

import pytest
from ray.cloudpickle import dumps, loads
from ray.tune.schedulers import ASHAScheduler, MedianStoppingRule

from sgg.config import load


@pytest.fixture
def study(tmp_path):
    def read(text, *overrides):
        path = tmp_path / "a.yaml"
        path.write_text(text)
        return read_axes(load(path, overrides))
    return read


GRID = "loss: {kind: {search: grid, of: [baseline, dnorm]}}\nexperiment: {seed: [0, 1]}"


def test_plan(study):
    assert plan(*study(GRID)) == [
        {"loss.kind": "baseline", "experiment.seed": 0}, {"loss.kind": "baseline", "experiment.seed": 1},
        {"loss.kind": "dnorm", "experiment.seed": 0}, {"loss.kind": "dnorm", "experiment.seed": 1}]


def test_number_of_trials(study):
    optuna = study("loss: {scale: {search: uniform, low: 1, high: 2}}\n", "search.algorithm=optuna",
                   "search.trials=5", "experiment.seed=[0, 1, 2]")
    assert (number_of_trials(*study(GRID)), number_of_trials(*optuna)) == (4, 15)


def test_param_space_can_be_pickled(study):
    settings, axes = study(GRID)
    space = param_space(settings, axes, "/somewhere")
    again = loads(dumps(space))
    assert set(again) == {"study", "loss.kind", "experiment.seed"}
    assert again["loss.kind"].categories == ["baseline", "dnorm"]


@pytest.mark.parametrize(("wanted", "in_sight", "expected"), [
    ("auto", 0, {"CPU": 1.0}), ("auto", 4, {"CPU": 1.0, "GPU": 1.0}), ("0.5", 1, {"CPU": 1.0, "GPU": 0.5}),
    ("2", 0, {"CPU": 2.0, "GPU": 2.0}), ("0", 4, {"CPU": 1.0})])
def test_resources_per_trial(study, wanted, in_sight, expected):
    assert resources_per_trial(study("", f"resources.gpus={wanted}")[0], in_sight) == expected


@pytest.mark.parametrize(("gpus", "workers", "in_sight", "expected", "processes"), [
    ("auto", "auto", 4, {"CPU": 2.0, "GPU": 1.0}, 1), ("2", "auto", 4, {"CPU": 4.0, "GPU": 2.0}, 2),
    ("auto", "3", 4, {"CPU": 6.0, "GPU": 3.0}, 3), ("0", "2", 4, {"CPU": 4.0}, 2)])
def test_resources_per_trial_of_several_workers(study, gpus, workers, in_sight, expected, processes):
    settings = study("", f"resources.gpus={gpus}", f"resources.workers={workers}", "resources.cpus=2")[0]
    assert resources_per_trial(settings, in_sight) == expected
    assert settings.base.resources.num_workers == processes


@pytest.mark.parametrize(("per_trial", "cap", "expected"), [
    ({"CPU": 1.0}, "null", 8), ({"CPU": 1.0, "GPU": 1.0}, "null", 2), ({"CPU": 1.0, "GPU": 0.5}, "null", 4),
    ({"CPU": 1.0}, "3", 3), ({"CPU": 3.0}, "null", 2), ({"CPU": 0.1}, "null", 80)])
def test_trials_at_once(study, per_trial, cap, expected):
    settings = study("", f"search.max_concurrent={cap}")[0]
    assert trials_at_once(settings, per_trial, [{"CPU": 8.0, "GPU": 2.0}, {"memory": 1.0}]) == expected


def test_trials_at_once_each_on_one_node(study):
    assert trials_at_once(study("")[0], {"CPU": 2.0, "GPU": 2.0}, [{"CPU": 8.0, "GPU": 3.0}] * 2) == 2


def test_trials_at_once_on_a_cluster(study):
    settings = study("", "resources.address=auto", "search.max_concurrent=8")[0]
    assert trials_at_once(settings, {"CPU": 1.0, "GPU": 1.0}, [{"CPU": 0.0}]) == 8


def test_scheduler_asha_counts_epochs_and_never_stops_the_last(study):
    settings, axes = study(GRID, "search.scheduler=asha")
    rule, trial = scheduler(settings, axes, epochs=6).rule, SimpleNamespace(trial_id="a", config={})
    rule.on_trial_add(None, trial)
    results = [{"epoch": epoch, "training_iteration": 1, OBJECTIVE: 0.5} for epoch in (6, 7)]
    assert [rule.on_trial_result(None, trial, result) for result in results] == ["CONTINUE", "STOP"]


@pytest.mark.parametrize("name", ["off", "asha", "median", "pbt"])
def test_scheduler(study, name):
    settings, axes = study("loss: {scale: {search: choice, of: [1, 2]}}", f"search.scheduler={name}")
    assert scheduler(settings, axes, epochs=3) is not None


@pytest.mark.parametrize(("name", "rule"), [("asha", ASHAScheduler), ("median", MedianStoppingRule)])
def test_scheduler_wraps_rules_that_stop(study, name, rule):
    settings, axes = study(GRID, f"search.scheduler={name}", "experiment.seed=3")
    made = scheduler(settings, axes, epochs=3)
    assert isinstance(made, EarlyStopping)
    assert isinstance(made.rule, rule)


def test_within_ranges(study):
    _, axes = study("loss: {scale: {search: uniform, low: 1, high: 2}, "
                           "kind: {search: choice, of: [baseline, dnorm]}}\n"
                           "training: {f_updates: {search: randint, low: 1, high: 3}}", "search.scheduler=pbt")
    drawn = {"loss.scale": 2.4, "training.f_updates": 0, "loss.kind": "dnorm", "study": "/somewhere"}
    clipped = {"loss.scale": 2, "training.f_updates": 1}
    assert within_ranges(axes, drawn) == {**drawn, **clipped}
