"""The searched metric: it must be measured, and it has a default."""

from pathlib import Path
from platform.search.search_space import read_axes

import numpy as np
import pytest

from sgg.common.metric_names import SUBSETS, metric_names
from sgg.config import Config, ConfigError, load, validate
from sgg.metrics import SceneGraphMetrics


def of(metric: str | None = None, best: str | None = None, **evaluation: list) -> str:
    return validate({"search": {"metric": metric, "mode": best}, "evaluation": evaluation}).search.metric


def test_metric_of_modes_is_the_default() -> None:
    assert Config().search.metric == "val/sgcls/zs/ngR@100"
    assert of(ks=[20, 50]) == "val/sgcls/zs/ngR@50"
    assert of(modes=["sgdet", "sgcls"], ks=[300, 100]) == "val/sgdet/zs/ngR@100"


def test_metric_names_are_those_that_are_measured() -> None:
    for mode in ("sgcls", "predcls", "sgdet"):
        measured = SceneGraphMetrics(mode, 3, {(1, 1, 1): 1}, ks=(20, 50), predicate_weights={0.5: np.ones(3)})
        names = {name for name in measured.compute() if "/num_" not in name and not name.endswith("/x0.5")}
        assert names == {f"{subset}/{name}" for subset in SUBSETS for name in metric_names(mode, [20, 50])}


@pytest.mark.parametrize("metric", ["val/predcls/all/mR@50", "val/sgcls/10s/A@20", "val/sgcls/zs/ngR@20-weighted",
                                    "val/sgcls/100s/triplet-rank-mean", "val/sgcls/zs/triplet-R@5-weighted"])
def test_fault_of_metric_accepts_measured_metrics(metric: str) -> None:
    assert of(metric, modes=["sgcls", "predcls"], ks=[20, 50]) == metric


@pytest.mark.parametrize("metric", [
    "foo", "", "val/sgcl/zs/ngR@20", "val/sgdet/zs/ngR@20", "val/sgcls/zs/ngR@100", "val/sgcls/zz/ngR@20",
    "test/sgcls/zs/ngR@20", "val/sgcls/zs/ngR@20/x0.5", "val/sgcls/zs", "val/sgcls/zs/num_images", "loss/nodes"])
def test_fault_of_metric_refuses_other_metrics(metric: str) -> None:
    with pytest.raises(ConfigError) as raised:
        of(metric, modes=["sgcls", "predcls"], ks=[20, 50])
    fault, = raised.value.faults
    for named in ("search.metric must be loss, or val/MODE/SUBSET/METRIC", "evaluation.modes (sgcls, predcls)",
                  "zs, 10s, 100s, all", "evaluation.ks (20, 50)", f"got {metric!r}; ", " for example val/"):
        assert named in fault
    for named in fault.split("for example ")[1].partition(";")[0].split(", "):
        assert of(named, modes=["sgcls", "predcls"], ks=[20, 50]) == named


@pytest.mark.parametrize(("metric", "instead"), [
    ("val/sgcls/zs/ngR@100", "val/sgcls/zs/ngR@20"), ("val/sgdet/all/mR@20", "val/sgcls/all/mR@20"),
    ("test/predcls/10s/R@50", "val/predcls/10s/R@50"),
    ("val/sgcls/zs/ngR@20/x0.5", "val/sgcls/zs/ngR@20, ")])
def test_fault_of_metric_names_similar_metrics(metric: str, instead: str) -> None:
    with pytest.raises(ConfigError, match=f"for example .*{instead}"):
        of(metric, modes=["sgcls", "predcls"], ks=[20, 50])


def test_fault_of_metric_refuses_a_suffix() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.pred_weight, so leave out /x0\.5"):
        of("val/sgcls/zs/ngR@20/x0.5", modes=["sgcls"], ks=[20], pred_weight=[0, 0.5])


def test_fault_of_metric_refuses_accuracy_in_sgdet() -> None:
    with pytest.raises(ConfigError, match=r"search\.metric must be"):
        of("val/sgdet/all/A@20", modes=["sgdet"])


@pytest.mark.parametrize(("metric", "best"), [
    ("loss", "min"), ("val/sgcls/zs/triplet-rank-mean", "min"), ("val/sgcls/all/triplet-rank-mean-weighted", "min"),
    ("val/sgcls/zs/triplet-R@5", "max"), ("val/sgcls/zs/ngR@20", "max")])
def test_direction_of_metric(metric: str, best: str) -> None:
    """Lower ranks and losses are better, and higher fractions; the wrong direction would keep the worst trials."""
    assert validate({"search": {"metric": metric}}).search.mode == best
    assert of(metric, best) == metric
    with pytest.raises(ConfigError, match=rf"search\.metric {metric} .*set search\.mode to {best}"):
        of(metric, {"min": "max", "max": "min"}[best])


def study(tmp_path: Path, text: str):
    path = tmp_path / "search.yaml"
    path.write_text(text)
    return read_axes(load(path))[0]


def test_metric_names_has_the_metrics_of_a_sweep_inside_a_trial(tmp_path) -> None:
    """Each trial measures every value of these axes, so the metric may be of any."""
    swept = "evaluation: {modes: {search: grid, of: [predcls, sgdet]}, ks: {search: choice, of: [20, 70]}}"
    assert study(tmp_path, swept).base.search.metric == "val/predcls/zs/ngR@70"
    named = study(tmp_path, f"{swept}\nsearch: {{metric: val/sgdet/all/mR@20}}")
    assert named.trial({"loss.scale": 2.0}).search.metric == named.base.search.metric == "val/sgdet/all/mR@20"
    with pytest.raises(ConfigError, match=r"evaluation\.modes \(predcls, sgdet\)"):
        study(tmp_path, f"{swept}\nsearch: {{metric: val/sgcls/zs/ngR@20}}")


def test_metric_of_modes_is_the_default_until_a_metric_is_given(tmp_path) -> None:
    trial = study(tmp_path, "search: {trials: 2}").trial({"evaluation.modes": ["sgdet"]})
    assert (trial.search.metric, trial.search.trials) == ("val/sgdet/zs/ngR@100", 2)
    assert Config.model_validate(trial.model_dump(mode="json")) == trial


def test_search_takes_two_metrics() -> None:
    """Each has its direction; a list of one is that one, so earlier runs compare equal."""
    search = validate({"search": {"metric": ["val/sgcls/zs/ngR@100", "loss"]}}).search
    assert search.objectives == [("val/sgcls/zs/ngR@100", "max"), ("loss", "min")]
    assert search.model_dump()["mode"] == ["max", "min"]
    both = validate({"search": {"metric": ["val/sgcls/zs/ngR@100", "val/sgcls/all/ngR@100"], "mode": "max"}}).search
    assert both.objectives == [("val/sgcls/zs/ngR@100", "max"), ("val/sgcls/all/ngR@100", "max")]
    one = validate({"search": {"metric": ["val/sgcls/all/ngR@50"], "mode": ["max"]}}).search
    assert (one.metric, one.mode, one.objectives) == ("val/sgcls/all/ngR@50", "max", [("val/sgcls/all/ngR@50", "max")])


@pytest.mark.parametrize(("settings", "message"), [
    ({"metric": ["loss", "val/sgcls/zs/R@7"]}, r"search\.metric must be loss, or val/MODE.*got 'val/sgcls/zs/R@7'"),
    ({"metric": ["loss", "loss"]}, r"search\.metric .*lists a value twice"),
    ({"metric": ["loss", "val/sgcls/zs/R@20", "val/sgcls/zs/R@50"]}, r"search\.metric must .*at most 2"),
    ({"metric": ["loss", "val/sgcls/zs/R@20"], "mode": "max"}, r"search\.metric loss is better if it is lower"),
    ({"metric": "loss", "mode": ["min", "max"]}, r"search\.mode must be max or min, or one of them for each")])
def test_search_names_a_fault_of_two_metrics(settings, message) -> None:
    with pytest.raises(ConfigError, match=message):
        validate({"search": settings})
