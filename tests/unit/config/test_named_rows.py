"""Rows of a config: named combinations of settings."""

import jsonschema
import pytest
import yaml

from sgg.config import ConfigError, load
from sgg.config.loading.named_rows import ROW
from sgg.config.reference.json_schema import json_schema

ROWS = """
loss: {kind: dnorm, scale: 2}
rows:
  plain: {}
  twice: {training: {f_updates: 2}}
  gan: {loss: baseline, augmentation: {kind: gan, perturb: {method: rand}}}
"""


@pytest.fixture
def study(tmp_path):
    def of(text, *overrides):
        (tmp_path / "a.yaml").write_text(text)
        return load(tmp_path / "a.yaml", overrides)
    return of


@pytest.fixture
def faults(study):
    def of(text, *overrides):
        with pytest.raises(ConfigError) as error:
            study(text, *overrides)
        return error.value.faults
    return of


def test_rows_are_an_axis_of_names(study):
    found = study(ROWS)
    assert list(found.axes) == [ROW]
    assert found.axes[ROW]["of"] == ["plain", "twice", "gan"]
    assert found.axes[ROW]["search"] == "grid"
    assert study(ROWS + "search: {algorithm: optuna}").axes[ROW]["search"] == "choice"


def test_trial_has_the_settings_of_its_row(study):
    found = study(ROWS)
    seen = {name: found.trial({ROW: name}) for name in ("plain", "twice", "gan")}
    assert {name: (config.loss.kind, config.loss.scale, config.training.f_updates, config.augmentation.kind)
            for name, config in seen.items()} == {
        "plain": ("dnorm", 2, 1, "off"), "twice": ("dnorm", 2, 2, "off"), "gan": ("baseline", 2, 1, "gan")}
    assert seen["gan"].augmentation.perturb.method == "rand"


def test_base_is_the_first_row(study):
    found = study("rows: {b: {loss: baseline}, d: {}}")
    assert found.base == found.trial({}) == found.trial({ROW: "b"})
    assert found.base.loss.kind == "baseline"


def test_trial_prefers_its_own_values_to_those_of_its_row(study):
    assert study(ROWS).trial({ROW: "twice", "training.f_updates": 5}).training.f_updates == 5


def test_trial_drops_settings_of_the_file_that_only_other_rows_have(study):
    found = study("augmentation: {perturb: {method: graphn, alpha: 7}}\n"
                  "rows: {none: {}, gan: {augmentation: {kind: gan}}, mixing: {augmentation: feature_mixing}}")
    assert found.trial({ROW: "none"}).augmentation.kind == "off"
    assert [found.trial({ROW: name}).augmentation.perturb.alpha for name in ("gan", "mixing")] == [7, 7]


def test_trial_refuses_settings_of_a_row_that_its_own_entry_lacks(study):
    """A forgotten kind would leave the row without augmentation."""
    found = study("rows: {none: {}, gan: {augmentation: {kind: gan}}, rand: {augmentation: {perturb: {method: rand}}}}")
    with pytest.raises(ConfigError, match=r"augmentation\.perturb is not a setting of off"):
        found.trial({ROW: "rand"})


def test_trial_drops_settings_of_the_file_that_act_in_other_rows_only(study):
    """Also where a row has the value of the file, and where the row that they act in is not tried."""
    text = """
augmentation: {kind: gan, perturb: {method: graphn, alpha: 5, topk: 3}}
rows: {graphn: {}, rand: {augmentation: {perturb: {method: rand}}}, plain: {augmentation: {perturb: {method: 'off'}}}}
"""
    every, alone = study(text), study(text, "rows=rand")
    assert every.trial({ROW: "graphn"}).augmentation.perturb.alpha == 5
    for found in (every, alone):
        perturb = found.trial({ROW: "rand"}).augmentation.perturb
        assert (perturb.method, perturb.alpha, perturb.topk) == ("rand", 2, 5)
    assert every.trial({ROW: "plain"}) == study("augmentation: {kind: gan}").base


def test_trial_refuses_settings_of_its_row_without_effect(study):
    found = study("augmentation: gan\nrows: {b: {augmentation: {perturb: {method: graphn}}}, "
                  "a: {augmentation: {perturb: {alpha: 5}}}}")
    with pytest.raises(ConfigError, match=r"augmentation\.perturb\.alpha 5\.0 has no effect"):
        found.trial({ROW: "a"})


def test_trial_names_the_rows_that_there_are(study):
    with pytest.raises(ValueError, match="there is no row 'tree'; there are plain, twice, gan"):
        study(ROWS).trial({ROW: "tree"})


def test_load_chooses_rows_on_the_command_line(study):
    found = study(ROWS, "rows=gan, plain", "training.epochs=9")
    assert found.axes[ROW]["of"] == ["gan", "plain"]
    assert found.base == found.trial({ROW: "gan"})
    assert {found.trial({ROW: name}).training.epochs for name in ("gan", "plain")} == {9}


def test_load_chooses_rows_that_lack_what_others_have(study):
    """The file's settings of a GAN suit the rows that are left out."""
    text = "augmentation: {perturb: {method: rand}}\nrows: {a: {}, b: {loss: baseline}, c: {augmentation: {kind: gan}}}"
    found = study(text, "rows=a,b")
    assert [found.trial({ROW: name}).augmentation.kind for name in "ab"] == ["off", "off"]


GAN = """
augmentation: {perturb: {intensity: 0.3, topk: 3}}
rows: {plain: {loss: dnorm}, twice: {loss: tcar}, adjusted: {loss: {kind: logit-adjusted, tau: 1}},
       neigh: {loss: dnorm, augmentation: {kind: gan, perturb: {method: neigh}}}}
"""


@pytest.mark.parametrize(("override", "start"), [
    ("loss.kind=dnrom", "loss.kind must be one of"),
    ("loss=dnrom", "loss.kind must be one of"),
    ("loss=3", "loss must be a mapping of settings, got 3"),
    ("loss.tau=banana", "loss.tau must be a valid number"),
    ("loss.tau=99", "loss.tau must be <= 10, got 99"),
    ("loss.tau=1,banana", "loss.tau must be a valid number"),
    ("loss.tau={search: uniform, low: 1, high: 99}", "loss.tau must be <= 10, got 99"),
    ("loss.tau={a: 1}", "loss.tau must be a valid number"),
    ("augmentation.perturb.alpha=banana", "augmentation.perturb.alpha must be a valid number"),
    ("augmentation.perturb.method=nonsense", "augmentation.perturb.method must be one of"),
    ("augmentation.perturb=3", "augmentation.perturb must be a mapping of settings, got 3"),
    ("augmentation.perturb.alhpa=2", "augmentation.perturb.alhpa is not a setting; did you mean")])
@pytest.mark.parametrize("rows", ["plain,twice", "plain,twice,adjusted,neigh"])
def test_load_checks_shared_values_that_each_row_replaces_or_lacks(faults, override, start, rows):
    (fault,) = faults(GAN, f"rows={rows}", override)
    assert fault.startswith(start)
    assert fault.endswith("(on the command line)")


def test_load_checks_values_of_the_file_that_each_row_replaces(faults):
    (fault,) = faults("loss: dnrom\nrows: {a: {loss: dnorm}, b: {loss: baseline}}")
    assert fault.startswith("loss.kind must be one of")
    assert fault.endswith("did you mean dnorm?")


@pytest.mark.parametrize(("rows", "override", "why"), [
    ("plain,twice", "loss.kind=dnorm",
     "loss.kind dnorm has no effect: every row that is tried sets loss.kind; leave it out, or change the rows"),
    ("twice", "loss=dnorm",
     "loss.kind dnorm has no effect: every row that is tried sets loss.kind; leave it out, or change the row"),
    ("plain,twice", "loss.tau=2",
     "loss.tau 2.0 has no effect: no row that is tried reads it; leave it out, or change the rows"),
    ("plain,twice", "loss.tau=1,2",
     "loss.tau 1.0, 2.0 has no effect: no row that is tried reads it; leave it out, or change the rows"),
    ("plain,adjusted", "loss={tau: 2}",
     "loss.tau 2.0 has no effect: each row that is tried sets it or does not read it; leave it out, or change the "
     "rows"),
    ("plain", "augmentation.perturb.topk=3",
     "augmentation.perturb.topk 3 has no effect: no row that is tried reads it; leave it out, or try a row that reads "
     "it: neigh")])
def test_load_refuses_what_the_command_line_gives_and_no_tried_row_reads(faults, rows, override, why):
    assert faults(GAN, f"rows={rows}", override) == [f"{why} (on the command line)"]


def test_load_keeps_what_the_file_gives_for_rows_that_are_not_tried(study):
    assert study(GAN, "rows=plain,twice").base.augmentation.kind == "off"


def test_load_takes_from_the_command_line_what_one_tried_row_reads(study):
    """Also where the row needs a default of the file, and what acts on how a run runs."""
    found = study(GAN, "rows=plain,neigh", "augmentation.perturb.topk=4", "search.grace_epochs=2")
    assert found.trial({ROW: "neigh"}).augmentation.perturb.topk == 4
    assert study(ROWS, "rows=plain,gan", "loss.kind=tcar").trial({ROW: "plain"}).loss.kind == "tcar"


@pytest.mark.parametrize(("text", "overrides", "message"), [
    ("rows: {}", [], "rows must be a mapping from names to settings, with at least one, got {}"),
    ("rows: [a]", [], "rows must be a mapping from names to settings, with at least one, got ['a']"),
    ("rows: {1: {}}", [], "rows: the name of a row must be a text without comma, equals sign and line break, got 1"),
    ("rows: {'a,b': {}}", [], "got 'a,b'"),
    ("rows: {a: dnorm}", [], "rows.a must be a mapping of settings, got 'dnorm'"),
    ("rows: {a: {loss: {scale: {search: grid, of: [1, 2]}}}}", [],
     "rows.a: loss.scale has one value in each row: search it beside the rows, or write a row for each value"),
    (ROWS, ["rows=plain,twise"], "rows must name one of 'plain', 'twice' or 'gan', got 'twise'; did you mean twice?"),
    ("loss: dnorm", ["rows=a"], "rows=a: the config file has no rows"),
    ("rows: {a: {los: dnorm}}", [], "los is not a setting; did you mean loss?")])
def test_load_reports_faults_of_rows(faults, text, overrides, message):
    assert any(message in fault for fault in faults(text, *overrides))


def test_json_schema_knows_rows():
    check = jsonschema.Draft202012Validator(json_schema())
    assert not list(check.iter_errors(yaml.safe_load(ROWS)))
    for text in ("rows: {a: {los: {}}}", "rows: {a: {rows: {b: {}}}}", "rows: {'a=b': {}}", "rows: {}", "rows: 3",
                 "rows: {a: {loss: {kind: vocal}}}"):
        assert list(check.iter_errors(yaml.safe_load(text))), text
