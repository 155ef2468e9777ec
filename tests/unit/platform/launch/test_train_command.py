from pathlib import Path
from platform.search.schedule import number_of_trials, plan
from platform.search.search_space import read_axes
from platform.train import without_search

import pytest

from sgg.config import load

SEARCH = Path(__file__).parents[4] / "tune_configs" / "perturb_search.yaml"
FIXED = ["loss.kind=dnorm", "augmentation.perturb.alpha=2", "augmentation.perturb.topk=5"]


@pytest.fixture
def plain():
    """The search file of the examples with one value for each axis, as `train` takes it."""
    def read(*overrides):
        return read_axes(without_search(load(SEARCH, [*FIXED, *overrides])))
    return read


@pytest.mark.parametrize("how", ["search.algorithm=optuna", "search.scheduler=pbt", "search.scheduler=asha"])
def test_without_search(plain, how):
    study, axes = plain(how, "search.trials=24", "experiment.seed=[3]")
    assert axes == []
    assert plan(study, axes) == [{"experiment.seed": 3}]
    assert study.base.search.scheduler == "off"


def test_without_search_has_a_trial_per_seed(plain):
    assert number_of_trials(*plain("experiment.seed=[0, 1, 2]")) == 3


def test_without_search_keeps_settings_of_an_experiment(plain):
    study, _ = plain("search.metric=loss", "search.mode=min", "search.max_failures=7", "search.time_budget_s=60")
    search = study.base.search
    assert (search.metric, search.mode, search.max_failures, search.time_budget_s) == ("loss", "min", 7, 60)
