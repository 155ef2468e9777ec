"""Values with commas on the command line."""

from platform.search.search_space import faults_of_search

import pytest

from sgg.config import ConfigError, load
from sgg.config.loading.overrides import overridden, pieces, settled
from tests.plugins import no_plugin_stays


@pytest.fixture
def study(tmp_path):
    def of(text: str, *overrides: str):
        (tmp_path / "a.yaml").write_text(text)
        return load(tmp_path / "a.yaml", overrides, faults_of_search)
    return of


@pytest.mark.parametrize(("text", "parts"), [
    ("baseline,dnorm", ["baseline", "dnorm"]), ("1, 2", ["1", " 2"]), ("one", ["one"]), ("", [""]), ("a,", ["a", ""]),
    ("[1, 2]", ["[1, 2]"]), ("[1, 2],[3]", ["[1, 2]", "[3]"]), ("{search: grid, of: [1, 2]}",
                                                                ["{search: grid, of: [1, 2]}"]),
    ("'a,b'", ["'a,b'"]), ('"a,b", c', ['"a,b"', " c"]), ("'it''s, a', b", ["'it''s, a'", " b"]),
    (r'"a\",b",c', [r'"a\",b"', "c"]), ("it's, b", ["it's", " b"]), ('["a]", b], c', ['["a]", b]', " c"]),
    ("[1, 2", ["[1, 2"]), ('"a, b', ['"a', " b"])])
def test_pieces(text, parts):
    """A quote counts at the beginning of a text only, as in YAML."""
    assert pieces(text) == parts


@pytest.mark.parametrize("key", ["loss.kind", "loss"])
def test_load_takes_values_with_commas_for_a_grid(study, key):
    """It is the axis that a file has as a grid, and other settings of the section stay."""
    found = study("loss: {scale: 2}", f"{key}=baseline,dnorm")
    assert found.axes == {"loss.kind": {"search": "grid", "of": ["baseline", "dnorm"]}}
    assert found.trial({"loss.kind": "dnorm"}).loss.scale == 2


def test_load_reads_each_value_with_commas_as_yaml(study):
    found = study("", "loss.scale=1e-1,2", "data.max_objects=10,null", "augmentation=off,gan", "data.flip=true,false")
    assert {key: axis["of"] for key, axis in found.axes.items()} == {
        "loss.scale": [0.1, 2], "data.max_objects": [10, None], "augmentation.kind": ["off", "gan"],
        "data.flip": [True, False]}


def test_load_gives_a_setting_that_takes_a_list_the_values(study):
    found = study("", "experiment.seed=1,2", "evaluation.pred_weight=0, 0.5", "evaluation.modes=predcls,sgcls")
    assert found.axes == {}
    config = found.base
    assert (config.experiment.seed, config.evaluation.pred_weight, config.evaluation.modes) == (
        [1, 2], [0, 0.5], ["predcls", "sgcls"])


def test_load_makes_a_choice_for_optuna(study):
    """Whatever the order: optuna takes no grid."""
    for overrides in (["search.algorithm=optuna", "loss.kind=baseline,dnorm"],
                      ["loss.kind=baseline,dnorm", "search.algorithm=optuna"]):
        assert study("", *overrides).axes == {"loss.kind": {"search": "choice", "of": ["baseline", "dnorm"]}}


def test_load_replaces_an_axis_of_the_file(study):
    text = "loss: {kind: {search: choice, of: [baseline, dnorm, dnorm-fgbg]}}"
    assert study(text, "loss.kind=baseline,dnorm").axes["loss.kind"]["of"] == ["baseline", "dnorm"]
    assert study(text, "loss.kind=dnorm").axes == {}
    assert study("loss: {search: grid, of: [dnorm]}", "loss=baseline,dnorm").axes["loss.kind"]["of"] == [
        "baseline", "dnorm"]


@pytest.mark.parametrize("text", ["'/mnt/a,b'", '"/mnt/a,b"'])
def test_load_keeps_a_comma_in_quotes(study, text):
    """detector.weights may be searched, so only quotes say that this is one folder."""
    assert str(study("", f"detector.weights={text}").base.detector.weights) == "/mnt/a,b"
    assert study("", "detector.weights=/mnt/a,b").axes["detector.weights"]["of"] == ["/mnt/a", "b"]


def test_load_keeps_a_comma_of_a_setting_that_takes_one_value(study):
    config = study("", "experiment.output=/mnt/a,b", "tracking.wandb_project=graphs, old").base
    assert (str(config.experiment.output), config.tracking.wandb_project) == ("/mnt/a,b", "graphs, old")


@pytest.mark.parametrize(("override", "message"), [
    ("loss.kind=baseline,", "loss.kind must be one of "
         "'dnorm', 'baseline', 'class-balanced', 'dnorm-fgbg', 'focal', 'logit-adjusted' or 'tcar', got 'baseline,'"),
    ("loss.scale=1,{", "loss.scale: '1,{' is not YAML: while parsing"),
    ("search.trials=1,2", "search.trials must be a valid integer, unable to parse string as an integer, got '1,2'"),
    ("loss.knd=a,b", "loss.knd is not a setting of dnorm; did you mean loss.kind?"),
    ("loss.knd=", "loss.knd is not a setting of dnorm; did you mean loss.kind?"),
    ("los=a,b", "los is not a setting; did you mean loss?"),
    ("model.effect=tde", "model.effect is not a setting; did you mean evaluation.effect?"),
    ("model.epochs=a,b", "model.epochs is not a setting; did you mean detector.epochs or training.epochs?")])
def test_load_names_a_faulty_value_with_commas(study, override, message):
    with pytest.raises(ConfigError) as raised:
        study("", override)
    assert any(fault.startswith(message) and fault.endswith(" (on the command line)") for fault in raised.value.faults)


@pytest.mark.parametrize(("override", "message"), [
    ("loss.kind=", "loss.kind is given no value: write one after the =, or leave it out to keep that of the file (on"),
    ("loss=", "loss.kind is given no value"), ("loss.scale= ", "loss.scale is given no value"),
    ("data.flip=", "data.flip is given no value"), ("experiment.seed=", "experiment.seed is given no value"),
    ("evaluation.pred_weight=", "evaluation.pred_weight is given no value"),
    ("experiment.plugins=", "experiment.plugins is given no value"),
    ("data.max_objects=", "data.max_objects is given no value: write one after the =, or leave it out to keep that of "
                          "the file; null stands for none"),
    ("training=", "training is a section of settings: give a value to one of them")])
def test_load_refuses_a_setting_without_a_value(study, override, message):
    """The file's grid of losses would silently become one loss."""
    with pytest.raises(ConfigError) as raised:
        study("loss: {kind: {search: grid, of: [baseline, dnorm]}}", override)
    assert len(raised.value.faults) == 1
    assert raised.value.faults[0].startswith(message)


def test_load_takes_no_value_for_no_text(study):
    config = study("evaluation: {zero_shot_list: list.csv}", "evaluation.zero_shot_list=").base
    assert config.evaluation.zero_shot_list is None


def test_load_asks_the_settings_of_a_plugin(study, tmp_path):
    """Whether they take a list is known only after the plugins are loaded, which may be given with commas too."""
    for name, kind in (("one", "list[int]"), ("two", "int")):
        (tmp_path / f"{name}.py").write_text(f"""
from typing import Annotated, Literal
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss
from sgg.settings.roles import trains
@EDGE_LOSSES.register
class Mine(EdgeLoss):
    "A loss."
    kind: Annotated[Literal["{name}"], trains(mid_training=True)] = "{name}"
    "A loss."
    steps_{name}: Annotated[{kind}, trains()] = {"[1]" if name == "one" else "1"}
    "Steps."
    def build(self, statistics):
        return lambda logits, labels, context: logits.sum()
""")
    with no_plugin_stays():
        plugins = "experiment.plugins=one.py,two.py"
        assert study("loss: one", plugins, "loss.steps_one=2,3").base.loss.steps_one == [2, 3]
        assert study("loss: two", plugins, "loss.steps_two=2,3").axes["loss.steps_two"]["of"] == [2, 3]


def test_settled_is_all_that_a_former_key_needs(capsys):
    settings, faults = overridden({}, "model.edge_boxes=motifs,raw_boxes")
    assert (settled(settings), faults) == (
        ({"model": {"edge_boxes": {"search": "grid", "of": ["union_frame", "image_frame"]}}}, []), [])
    assert capsys.readouterr().err == ("note: model.edge_boxes: motifs, raw_boxes is called union_frame, image_frame "
                                       "now (on the command line)\n")
