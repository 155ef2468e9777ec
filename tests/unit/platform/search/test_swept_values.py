"""A search over models that cannot all give the same adjustments."""

from platform.launch import run
from platform.launch.dry_run import trial_lines
from platform.search.search_space import models, read_axes
from platform.search.swept_values import left_out
from platform.study.directory import StudyDirectory

import pytest

from sgg.config import ConfigError, load

HEADS = """
data: {name: toy}
model: {head: {kind: {search: grid, of: [imp, causal, motifs]}}}
evaluation: {effect: [%s]}
"""


@pytest.fixture
def read(tmp_path):
    def of(text, *overrides):
        (tmp_path / "a.yaml").write_text(text)
        return read_axes(load(tmp_path / "a.yaml", [f"experiment.output={tmp_path}/runs", *overrides]))
    return of


def effects(study):
    return {head: study.trial({"model.head.kind": head}).evaluation.effect for head in ("imp", "causal", "motifs")}


def test_trials_are_measured_under_the_values_that_their_model_can_give(read):
    study, axes = read(HEADS % "none, tde, te")
    assert effects(study) == {"imp": ["none"], "causal": ["none", "tde", "te"], "motifs": ["none"]}
    assert study.adjustments == {"evaluation.effect": ["none", "tde", "te"]}
    assert list(left_out(study, models(study, axes))) == [
        "evaluation.effect tde, te: not measured in trials with model.head.kind=imp or model.head.kind=motifs, whose "
        "model cannot give it"]


def test_a_trial_without_any_of_the_values_is_measured_as_it_is(read):
    study, _ = read(HEADS % "tde")
    assert effects(study) == {"imp": ["none"], "causal": ["tde"], "motifs": ["none"]}


def test_other_axes_are_not_named(read):
    study, axes = read("{data: {name: toy}, model: {frequency_bias: {search: grid, of: ['off', add]}, "
                       "dropout: {search: grid, of: [0.1, 0.2]}}, loss: {kind: {search: grid, of: [dnorm, baseline]}}, "
                       "evaluation: {frequency_bias: [trained, 'off', add]}}")
    assert list(left_out(study, models(study, axes))) == [
        f"evaluation.frequency_bias {word}: not measured in trials with model.frequency_bias={word}, whose model "
        "cannot give it" for word in ("off", "add")]


@pytest.mark.parametrize(("text", "message"), [
    ("{model: {head: {kind: {search: grid, of: [imp, motifs]}}}, evaluation: {effect: [none, tde]}}",
     "evaluation.effect tde takes logits that model.head imp does not give"),
    ("{model: {dropout: {search: grid, of: [0.1, 0.2]}}, evaluation: {effect: [none, tde]}}",
     "evaluation.effect tde takes logits that model.head imp does not give"),
    ("{training: {momentum: {search: grid, of: [0.1, 0.2]}}, evaluation: {effect: [none, tde]}}",
     "evaluation.effect tde takes logits that model.head imp does not give")])
def test_a_value_that_no_model_can_give_is_refused(read, text, message):
    with pytest.raises(ConfigError, match=message) as refused:
        read(text)
    assert len(refused.value.faults) == 1
    assert "use model.head causal, or leave this value out" in refused.value.faults[0]


def test_plan_and_run_say_what_is_left_out(read, monkeypatch, capsys):
    study, axes = read(HEADS % "none, tde")
    said = ("evaluation.effect tde: not measured in trials with model.head.kind=imp or model.head.kind=motifs, whose "
            "model cannot give it")
    assert said in list(trial_lines(study, axes, 3))
    monkeypatch.setattr(run, "ray_session", lambda *_: pytest.fail("the end of what is asked here"))
    monkeypatch.setattr("platform.launch.opened_data.open_data", lambda *_: [(study.base, None)])
    monkeypatch.setattr("platform.launch.opened_data.require_same_data", lambda *_: None)
    monkeypatch.setattr("platform.launch.opened_data.descriptions", lambda *_: ["data"])
    with pytest.raises(pytest.fail.Exception):
        run.run_study(study, axes, False, None)
    assert said in capsys.readouterr().out


def test_a_search_with_such_values_resumes(read):
    """Its study.json has the values that all trials are asked for."""
    study, _ = read(HEADS % "none, tde")
    directory = StudyDirectory.of(study)
    directory.begin(study, {"data": {"hash": "1", "description": "toy"}})
    directory.check(study, resume=True)
    again, _ = directory.study()
    assert effects(again) == effects(study)
    other, _ = read(HEADS % "none, te")
    with pytest.raises(ConfigError, match=r"evaluation\.effect was \['none', 'tde'\], is \['none', 'te'\]"):
        directory.check(other, resume=True)


def test_rows_are_measured_under_the_values_that_their_model_can_give(read):
    """A row that gives values of its own is measured under these, also if they are fewer."""
    study, axes = read("""
data: {name: toy}
rows: {imp: {}, causal: {model: {head: causal}}, te: {model: {head: causal}, evaluation: {effect: te}}}
evaluation: {effect: [none, tde]}
""")
    assert {name: study.trial({"row": name}).evaluation.effect for name in ("imp", "causal", "te")} == {
        "imp": ["none"], "causal": ["none", "tde"], "te": ["te"]}
    assert list(left_out(study, models(study, axes))) == [
        "evaluation.effect tde: not measured in trials with row=imp, whose model cannot give it"]


def test_values_of_a_row_that_its_model_cannot_give_are_refused(read):
    text = "{data: {name: toy}, rows: {causal: {model: {head: causal}}, imp: {evaluation: {effect: tde}}}}"
    with pytest.raises(ConfigError, match=r"evaluation\.effect.*\(with row=imp\)"):
        read(text)
