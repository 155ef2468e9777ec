from platform.search.planned_trials import number_of_trials, plan
from platform.search.repeats import SEED_KEY, describe_repeat, repeats
from platform.search.schedule import param_space
from platform.search.search_space import configurations, faults_of_search, longest_training, read_axes

import pytest

from sgg.config import ConfigError, load
from sgg.config.loading.named_rows import ROW

GENOMES = "data: {name: toy, version: 3, seed: {search: grid, of: [7, 8]}}\nexperiment: {seed: [1, 2]}\n"
ROWS = GENOMES + "rows: {plain: {}, gan: {augmentation: gan}}\n"


@pytest.fixture
def read(tmp_path):
    def of(text, *overrides):
        (tmp_path / "a.yaml").write_text(text)
        return read_axes(load(tmp_path / "a.yaml", overrides, faults_of_search))
    return of


def faults_of(read, text):
    with pytest.raises(ConfigError) as error:
        read(text)
    return error.value.faults


def test_repeats_are_all_seeds_on_each_data_set(read):
    study, axes = read(GENOMES)
    assert repeats(study, axes) == [{"data.seed": 7, SEED_KEY: 1}, {"data.seed": 7, SEED_KEY: 2},
                                    {"data.seed": 8, SEED_KEY: 1}, {"data.seed": 8, SEED_KEY: 2}]
    assert configurations(study, axes) == [{}]
    study, axes = read("experiment: {seed: [3]}")
    assert repeats(study, axes) == [{SEED_KEY: 3}]


def test_describe_repeat():
    assert describe_repeat({SEED_KEY: 3}) == "seed 3"
    assert describe_repeat({"data.seed": 7, SEED_KEY: 3}) == "data.seed 7, seed 3"


def test_plan_repeats_every_row(read):
    study, axes = read(ROWS)
    planned = plan(study, axes)
    assert [tuple(values[key] for key in (ROW, "data.seed", SEED_KEY)) for values in planned] == [
        (row, genome, seed) for row in ("plain", "gan") for genome in (7, 8) for seed in (1, 2)]
    assert number_of_trials(study, axes) == 8
    for values in planned:
        config = study.trial(values)
        assert (config.augmentation.kind == "gan", config.data.seed, config.experiment.seed) == (
            values[ROW] == "gan", values["data.seed"], [values[SEED_KEY]])


def test_plan_runs_each_draw_on_each_data_set(read):
    """A choice repeats, too: Ray draws no data set."""
    drawn = "loss: {scale: {search: uniform, low: 1, high: 2}}\nsearch: {trials: 3}\n"
    study, axes = read(GENOMES.replace("grid", "choice") + drawn)
    planned = plan(study, axes)
    scales = [values["loss.scale"] for values in planned]
    assert len(planned) == 12
    assert [scales.count(scale) for scale in dict.fromkeys(scales)] == [4, 4, 4]


def test_optuna_chooses_no_data_set(read):
    text = GENOMES + "loss: {kind: {search: choice, of: [dnorm, baseline]}}\nsearch: {algorithm: optuna, trials: 9}\n"
    study, axes = read(text)
    assert set(param_space(study, axes, "folder")) == {"study", "loss.kind"}
    assert number_of_trials(study, axes) == 2 * 2 * 2
    (fault,) = faults_of(read, GENOMES + "search: {algorithm: optuna}")
    assert fault.startswith("search.algorithm optuna has nothing to choose")


def test_optuna_chooses_rows(read):
    study, axes = read(ROWS + "search: {algorithm: optuna, trials: 9}\n")
    assert sorted(param_space(study, axes, "folder")[ROW].categories) == ["gan", "plain"]
    assert number_of_trials(study, axes) == 8


def test_read_axes_wants_data_sets_listed(read):
    (fault,) = faults_of(read, "data: {name: toy, seed: {search: randint, low: 1, high: 9}}")
    assert fault == ("data.seed: every configuration runs on each of these data sets, so list them: {search: grid, of: "
                     "[...]}, got randint")


def test_configurations_of_rows_and_an_axis_that_some_rows_lack(read):
    """A value of it changes nothing in the row without a GAN, which has one configuration."""
    study, axes = read("rows: {plain: {}, gan: {augmentation: {kind: gan, perturb: {method: graphn}}}}\n"
                       "augmentation: {perturb: {alpha: {search: grid, of: [2, 5]}}}\nsearch: {algorithm: grid}\n")
    assert [(values[ROW], values["augmentation.perturb.alpha"]) for values in configurations(study, axes)] == [
        ("plain", 2), ("gan", 2), ("gan", 5)]


def test_configurations_keep_rows_of_the_same_settings_apart(read):
    assert len(configurations(*read("rows: {a: {loss: dnorm}, b: {}}"))) == 2


def test_longest_training_is_that_of_any_row_or_value(read):
    assert longest_training(*read("rows: {a: {}, b: {training: {epochs: 30}}}")) == 30
    assert longest_training(*read("training: {epochs: {search: choice, of: [4, 9]}}")) == 9


@pytest.mark.parametrize(("text", "message"), [
    ("rows: {a: {}, b: {experiment: {seed: 3}}}", "rows.b: experiment.seed cannot differ between rows, since all"),
    ("rows: {a: {}, b: {evaluation: {every: 3}}}", "rows.b: evaluation.every cannot differ between rows, since it"),
    ("rows: {a: {}, b: {data: {seed: 3}}}", "rows.b: data.seed repeats every row: search it beside the rows"),
    ("rows: {a: {}, b: {loss: {scale: 3}}}\nloss: {scale: {search: grid, of: [1, 2]}}",
     "rows.b: loss.scale is searched, too: leave out one of them"),
    ("rows: {a: {}, b: {training: {epochs: 9}}}\nsearch: {scheduler: asha}",
     "rows.b: training.epochs must be the same in all rows where search.scheduler is asha"),
    ("rows: {a: {}, b: {loss: {knd: dnorm}}}", "rows.b: loss.knd is not a setting of dnorm; did you mean loss.kind?"),
    ("rows: {a: {}, b: {training: {epochs: -1}}}", "rows.b: training.epochs must be >= 0, got -1"),
    ("rows: {a: {}, b: {}}\nsearch: {baseline: c}", "search.baseline must name one of 'a' or 'b', got 'c'"),
    ("rows: {a: {}, b: {}}\nsearch: {scheduler: pbt}", "row: search.scheduler pbt"),
    ("rows: {a: {}, b: {augmentation: gan}}\ntraining: {mode: sgdet}",
     "training.mode sgdet cannot be combined with augmentation.kind gan")])
def test_faults_of_rows(read, text, message):
    found = faults_of(read, text)
    assert any(message in fault for fault in found), found
    assert len(found) == 1


def test_faults_that_all_rows_have_are_those_of_the_file(read):
    assert faults_of(read, "rows: {a: {}, b: {loss: baseline}}\ntraining: {epochs: -1}") == [
        "training.epochs must be >= 0, got -1"]
