"""Settings without effect in any trial: one message names all of them, where each stands, and what helps."""

import pytest

from sgg.config import ConfigError, load
from sgg.config.loading.idle import Idle, without_effect
from sgg.config.loading.places import Places
from sgg.settings.marks import acts_unless, acts_with

PERTURBED = """
augmentation:
  kind: gan
  perturb:
    method: graphn
    intensity: %s
    alpha: {search: choice, of: [2, 5]}
    topk: {search: choice, of: [0, 5]}
"""
ALPHA, TOPK, INTENSITY, METHOD = (f"augmentation.perturb.{name}" for name in ("alpha", "topk", "intensity", "method"))
ALPHA_OF_FILE = f"{ALPHA} 2.0, 5.0 (searched in the file)"


@pytest.fixture
def faults(tmp_path):
    def of(text, *overrides):
        (tmp_path / "a.yaml").write_text(text)
        with pytest.raises(ConfigError) as error:
            load(tmp_path / "a.yaml", overrides)
        return error.value.faults
    return of


def test_one_message_names_all_axes_of_the_file(faults):
    for value, words in (("off", "off"), ("rand", "rand"), ("off,rand", "off or rand")):
        assert faults(PERTURBED % 0.2, f"{METHOD}={value}") == [
            f"{ALPHA_OF_FILE} and {TOPK} 0, 5 (searched in the file) have no effect, since {METHOD} is {words}: "
            f"remove them from a copy of the file, or use {METHOD} graphn"]


def test_message_says_of_each_setting_where_it_stands(faults):
    (fault,) = faults(PERTURBED % 0.3, f"{METHOD}=off", f"{TOPK}=7")
    assert fault == (
        f"{ALPHA_OF_FILE} and {INTENSITY} 0.3 (given in the file) and {TOPK} 7 (on the command line and searched in "
        f"the file) have no effect, since {METHOD} is off: remove them from a copy of the file and leave {TOPK} out of "
        f"the command line, or use {METHOD} graphn")


def test_what_is_on_the_command_line_alone_is_to_be_left_out(faults):
    given = f"{ALPHA} 7.0 (on the command line) and {TOPK} 7 (on the command line) have no effect"
    assert faults("augmentation: gan", f"{ALPHA}=7", f"{TOPK}=7") == [
        f"{given}, since {METHOD} is off: leave them out, or use {METHOD} graphn"]


def test_without_a_command_line_the_file_is_meant(faults):
    for axis, words in (("9", "9.0"), ("{search: grid, of: [2, 9]}", "2.0, 9.0"),
                        ("{search: uniform, low: 2, high: 9}", "from 2 to 9")):
        assert faults(f"augmentation: {{kind: gan, perturb: {{method: rand, alpha: {axis}}}}}") == [
            f"{ALPHA} {words} has no effect, since {METHOD} is rand: leave it out, or use {METHOD} graphn"]


def test_an_axis_that_acts_with_one_searched_entry_stays(tmp_path):
    (tmp_path / "a.yaml").write_text(PERTURBED % 0.2)
    study = load(tmp_path / "a.yaml", ["augmentation.kind=off,gan", f"{METHOD}=off,graphn"])
    assert {ALPHA, TOPK} <= set(study.axes)


def test_a_command_line_that_is_not_at_fault_is_not_blamed(tmp_path):
    (tmp_path / "a.yaml").write_text("augmentation: {kind: gan, perturb: {method: rand, alpha: 9}}")
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "a.yaml", ["training.epochs=2", "training.epochz=2"])
    assert error.value.source.endswith("a.yaml and the command line")
    assert [fault.partition(" ")[0] for fault in error.value.faults] == [ALPHA, "training.epochz"]


def test_remedy_is_a_value_with_which_all_settings_act():
    def sentence(*marks):
        return without_effect([Idle(f"s.{at}", "1", "s.m", mark, "x") for at, mark in enumerate(marks)], Places())[0]

    assert sentence(acts_with("m", "a", "b"), acts_unless("m", "x", "a")).endswith("leave them out, or use s.m b")
    assert sentence(acts_unless("m", "x"), acts_unless("m", "y")).endswith("or use s.m other than x or y")
    assert sentence(acts_with("m", "a"), acts_with("m", "b")).endswith("since s.m is x: leave them out")
