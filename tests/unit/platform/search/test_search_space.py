import math
import random
from platform.search.axis import describe
from platform.search.search_space import configurations, read_axes

import pytest
import yaml

from sgg.config import ConfigError, load
from sgg.config.by_role import keys_where, reference


def study(tmp_path, text, *overrides):
    path = tmp_path / "search.yaml"
    path.write_text(text)
    return load(path, overrides)


def faults(tmp_path, text):
    with pytest.raises(ConfigError) as error:
        read_axes(study(tmp_path, text))
    return error.value.faults


def test_configurations_of_a_grid(tmp_path):
    text = """
    loss: {kind: {search: grid, of: [baseline, dnorm]}}
    training: {batch_size: {search: grid, of: [4, 8, 16]}}
    """
    points = configurations(*read_axes(study(tmp_path, text)))
    assert [tuple(point.values()) for point in points] == [
        ("baseline", 4), ("baseline", 8), ("baseline", 16), ("dnorm", 4), ("dnorm", 8), ("dnorm", 16)]
    assert list(points[0]) == ["loss.kind", "training.batch_size"]


def test_configurations_of_random_draws(tmp_path):
    text = """
    loss: {foreground_weight: {search: choice, of: [1, 2, 3]}}
    search: {trials: 10}
    """
    first, second = (configurations(*read_axes(study(tmp_path, text))) for _ in range(2))
    assert first == second
    assert sorted(point["loss.foreground_weight"] for point in first) == [1, 2, 3]


def test_configurations_of_a_grid_and_draws(tmp_path):
    text = """
    loss: {foreground_weight: {search: uniform, low: 1, high: 2}, kind: {search: grid, of: [dnorm, dnorm-fgbg]}}
    search: {trials: 2}
    """
    points = configurations(*read_axes(study(tmp_path, text)))
    weights = [point["loss.foreground_weight"] for point in points]
    assert len(points) == 4
    assert weights[0] == weights[1] != weights[2] == weights[3]


def test_axis_draw_stays_in_range(tmp_path):
    text = """
    loss: {scale: {search: uniform, low: 0.5, high: 2}}
    training: {learning_rate: {search: loguniform, low: 1.0e-4, high: 1.0e-1}}
    augmentation: {kind: gan, perturb: {method: graphn, topk: {search: randint, low: 0, high: 3}}}
    """
    axes = {axis.key: axis for axis in read_axes(study(tmp_path, text))[1]}
    generator = random.Random(0)
    scales, rates, ks = ([axes[key].draw(generator) for _ in range(2000)]
                         for key in ("loss.scale", "training.learning_rate", "augmentation.perturb.topk"))
    assert 0.5 <= min(scales) < 0.6 < 1.9 < max(scales) <= 2
    assert 1e-4 <= min(rates) < max(rates) <= 1e-1
    assert abs(sum(map(math.log10, rates)) / 2000 + 2.5) < 0.1  # the middle of -4 and -1
    assert set(ks) == {0, 1, 2, 3}


def test_axis_domain(tmp_path):
    text = "augmentation: {kind: gan, perturb: {method: graphn, topk: {search: randint, low: 1, high: 3}}}"
    domain = read_axes(study(tmp_path, text))[1][0].domain()
    assert {domain.sample() for _ in range(200)} == {1, 2, 3}


def test_read_axes_of_a_swept_setting(tmp_path):
    text = "evaluation: {pred_weight: {search: grid, of: [0, 0.5]}}"
    swept, axes = read_axes(study(tmp_path, text))
    assert axes == []
    assert swept.base.evaluation.pred_weight == [0, 0.5]
    assert configurations(swept, axes) == [{}]


def test_faults_of_axes_come_together(tmp_path):
    found = faults(tmp_path, """
    loss: {kind: {search: choise, of: [dnorm]}, scale: {search: uniform, low: 2, high: 1}}
    training: {learning_rate: {search: loguniform, low: 0, high: 1}, epochs: {search: choice, of: []}}
    augmentation:
      kind: gan
      perturb: {topk: {search: randint, low: 0.5, high: 2}, alpha: {search: choice, values: [1]}}
    search: {trials: {search: choice, of: [1]}}
    """)
    named = [("loss.kind.search", "'choise'", "choice, grid, uniform, loguniform, randint", "did you mean choice?"),
             ("loss.scale.low", "loss.scale.high", "2 and 1"),
             ("training.learning_rate.low", "> 0", "loguniform", "got 0"),
             ("training.epochs.of", "at least one value", "[]"),
             ("augmentation.perturb.topk.low", "whole number", "0.5"),
             ("augmentation.perturb.alpha", "choice", "of", "values"),
             ("search.trials", "cannot be searched", "one value")]
    for fault, parts in zip(found, named, strict=True):
        assert [part for part in parts if part not in fault] == []


def test_read_axes_checks_each_value(tmp_path):
    found = faults(tmp_path, """
    loss: {kind: {search: choice, of: [dnorm, dnorn]}}
    augmentation: {kind: gan, perturb: {alpha: {search: uniform, low: 0, high: 3}, alpa: {search: grid, of: [1, 2]}}}
    """)
    assert len(found) == 3
    assert "augmentation.perturb.alpa is not a setting; did you mean augmentation.perturb.alpha?" in found
    assert "augmentation.perturb.alpha must be >= 1, got 0" in found
    assert any(fault.startswith("loss.kind must be one of") and "'dnorn'" in fault for fault in found)


def test_read_axes_checks_combinations(tmp_path):
    found = faults(tmp_path, """
    loss: {kind: {search: choice, of: [dnorm, baseline]}, foreground_weight: {search: choice, of: [1, 2]}}
    """)
    assert len(found) == 1
    assert found[0].endswith("(with loss.kind=baseline loss.foreground_weight=2)")


METHODS = "{data: {name: toy}, augmentation: {kind: gan, perturb: {method: {search: grid, of: [%s]}, alpha: %s}}}"


def test_trials_have_the_default_of_a_setting_that_has_no_effect_in_them(tmp_path):
    """Such configurations count once: neigh has no alpha."""
    found, axes = read_axes(study(tmp_path, METHODS % ("neigh, graphn", "{search: grid, of: [5, 9]}")))
    points = configurations(found, axes)
    alphas = [found.trial(point).augmentation.perturb for point in points]
    assert [(one.method, one.alpha) for one in alphas] == [("neigh", 2), ("graphn", 5), ("graphn", 9)]
    fixed, _ = read_axes(study(tmp_path, METHODS % ("neigh, graphn", "9")))
    assert fixed.base.augmentation.perturb.alpha == 2
    assert fixed.trial({"augmentation.perturb.method": "graphn"}).augmentation.perturb.alpha == 9


@pytest.mark.parametrize("alpha", ["9", "{search: grid, of: [5, 9]}"])
def test_a_setting_that_has_no_effect_in_any_trial_is_refused(tmp_path, alpha):
    with pytest.raises(ConfigError, match=r"perturb\.alpha .* has no effect, since .* is neigh or rand: leave it out"):
        read_axes(study(tmp_path, METHODS % ("neigh, rand", alpha)))


@pytest.mark.parametrize(("search", "axis", "message"), [
    ("{algorithm: grid}", "{search: uniform, low: 0, high: 1}", "needs listed values"),
    ("{algorithm: optuna}", "{search: grid, of: [1, 2]}", "takes no grid"),
    ("{algorithm: optuna, scheduler: pbt}", "{search: choice, of: [1, 2]}", "pbt chooses by itself"),
])
def test_faults_of_search_name_axes_that_the_algorithm_cannot_serve(tmp_path, search, axis, message):
    assert message in faults(tmp_path, f"search: {search}\nloss: {{scale: {axis}}}")[0]


def test_faults_of_search_with_pbt_and_the_model_or_seed(tmp_path):
    found = faults(tmp_path, """
    experiment: {seed: [1, 2]}
    model: {head: {hidden_dim: {search: choice, of: [32, 64]}}}
    search: {scheduler: pbt}
    """)
    assert [fault.split(":")[0] for fault in found] == [
        "model.head.hidden_dim", "experiment.seed must be one seed where search.scheduler is pbt"]


PBT_AXES = {"loss.kind", "model.pairs_per_image", "model.foreground_share", "model.dropout", "training.batch_size",
            "training.learning_rate", "training.decay_epoch", "training.box_head_rate", "training.clip_gradient",
            "training.f_updates", "training.accumulate", "training.schedule", "training.warmup_steps",
            "training.warmup_factor"}


@pytest.mark.parametrize("key", [key for key in keys_where(lambda role: role.searchable)
                                 if not reference()[key].chosen])  # what an entry of a registry has is its business
def test_faults_of_search_with_pbt(tmp_path, key):
    """Every setting there is: one that is added is refused until it is decided on."""
    settings = {"search": "choice", "of": [1]}
    for part in reversed(key.split(".")):
        settings = {part: settings}
    # pbt with optuna is always refused, so there are faults to look into for every key.
    found = faults(tmp_path, yaml.safe_dump(settings | {"search": {"scheduler": "pbt", "algorithm": "optuna"}}))
    assert any(fault.startswith(f"{key}: search.scheduler pbt changes") for fault in found) == (key not in PBT_AXES)


@pytest.mark.parametrize(("search", "message"), [
    ("{algorithm: optuna}", "search.algorithm optuna has nothing to choose"),
    ("{scheduler: pbt}", "search.scheduler pbt has nothing to choose")])
def test_faults_of_search_without_axes(tmp_path, search, message):
    """Values of evaluation.pred_weight are all measured, which leaves no choice either."""
    for text in ("", "evaluation: {pred_weight: {search: grid, of: [0, 1]}}\n"):
        assert faults(tmp_path, f"{text}search: {search}")[0].startswith(message)


def test_describe():
    assert describe({"loss.kind": "dnorm", "training.learning_rate": 0.00123456}) == (
        "loss.kind=dnorm training.learning_rate=0.001235")


def test_faults_of_axes_come_with_those_of_settings(tmp_path, capsys):
    from platform import tune

    (tmp_path / "a.yaml").write_text("los: {}\nloss: {kind: {search: choise, of: [dnorm]}}\n"
                                     "augmentation: {kind: gan, perturb: {topk: {search: randint, low: 5, high: 2}}}\n")
    assert tune.main([str(tmp_path / "a.yaml"), "training.momentum={search: grid, of: []}"]) == 2
    message = capsys.readouterr().err
    assert "a.yaml and the command line: 4 faults" in message
    for fault in ("los is not a setting; did you mean loss?", "loss.kind.search must be one of choice",
                  "augmentation.perturb.topk.low must be below augmentation.perturb.topk.high, got 5 and 2",
                  "training.momentum.of must be a list of at least one value, got [] (on the command line)"):
        assert f"\n  {fault}" in message


def test_faults_of_values_and_of_the_algorithm_come_with_them(tmp_path, capsys):
    from platform import train, tune

    (tmp_path / "a.yaml").write_text("search: {algorithm: grid, time_budget_s: soon}\n"
                                     "loss: {kind: {search: choice, of: [dnorm, dnorn]}}\n"
                                     "augmentation: {kind: gan, perturb: {topk: {search: randint, low: 5, high: 2}}}\n"
                                     "training: {learning_rate: {search: loguniform, low: 1e-4, high: 1e-2}}\n"
                                     "evaluation: {ks: {search: choice, of: [20, many]}}\n")
    of_all = ["evaluation.ks[1] must be a valid integer", "augmentation.perturb.topk.low must be below",
              "loss.kind must be one of "
              "'dnorm', 'baseline', 'class-balanced', 'dnorm-fgbg', 'focal', 'logit-adjusted' or 'tcar', got 'dnorn'",
              "search.time_budget_s must be a valid number"]
    of_search = ["training.learning_rate: search.algorithm grid needs listed values, got loguniform"]
    for command, expected in ((tune, of_all + of_search), (train, of_all)):
        assert command.main([str(tmp_path / "a.yaml")]) == 2
        message = capsys.readouterr().err
        assert f"a.yaml: {len(expected)} faults\n" in message
        for fault in expected:
            assert f"\n  {fault}" in message


def test_read_axes_checks_searched_values_and_not_defaults(tmp_path):
    weighted, text = "foreground_weight: 2", "loss: {kind: {search: choice, of: [%s]}, %s}"
    found, axes = read_axes(study(tmp_path, text % ("dnorm, dnorm-fgbg", weighted)))
    assert found.base.loss.kind == "dnorm"
    assert [axis.values for axis in axes] == [("dnorm", "dnorm-fgbg")]
    for kinds in ("baseline, dnorm", "dnorm, baseline"):
        with pytest.raises(ConfigError, match=r"loss: kind baseline takes no foreground_weight"):
            read_axes(study(tmp_path, text % (kinds, weighted)))
    fixed = "training: {mode: sgdet}\naugmentation: {kind: {search: choice, of: [%s]}, perturb: {method: rand}}"
    for kinds in ("off, gan", "gan, off"):
        with pytest.raises(ConfigError, match=r"training\.mode sgdet cannot be combined with augmentation\.kind gan"):
            read_axes(study(tmp_path, fixed % kinds))
