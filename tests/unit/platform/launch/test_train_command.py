from pathlib import Path
from platform.search.planned_trials import number_of_trials, plan
from platform.search.search_space import read_axes
from platform.train import main, with_its_row, without_search

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


def test_main_takes_one_row(tmp_path, capsys):
    """It runs that row as if its settings stood in the file."""
    (tmp_path / "a.yaml").write_text("rows: {plain: {}, twice: {training: {f_updates: 2}}, gan: {augmentation: {kind: "
                                     "gan}}}\naugmentation: {perturb: {method: rand}}\n")
    study, axes = read_axes(without_search(with_its_row(load(tmp_path / "a.yaml", ["rows=twice"]))))
    assert (axes, study.base.training.f_updates, study.base.augmentation.kind) == ([], 2, "off")
    study, _ = read_axes(with_its_row(load(tmp_path / "a.yaml", ["rows=gan"])))
    assert study.base.augmentation.perturb.method == "rand"
    assert main([str(tmp_path / "a.yaml")]) == 2
    assert "rows is searched: run a search with python -m platform.tune, or choose one value: rows=..." in \
        capsys.readouterr().err
