from platform.launch import time_plan
from platform.launch.pace import Pace
from platform.launch.time_plan import kinds, time_lines
from platform.search.planned_trials import plan
from platform.search.search_space import read_axes

import pytest

from sgg.config import load
from sgg.config.loading.named_rows import ROW
from sgg.systems.forecast import SharedPart

PARTS = [SharedPart("maps", ["x"], seconds=70.0), SharedPart("vectors", ["x"], None, True, 0, 0.0),
         SharedPart("detector", ["x"])]
ROWS = """
rows: {plain: {}, twice: {training: {f_updates: 2}}, gan: {augmentation: gan}}
data: {name: toy, version: 3, seed: {search: grid, of: [1, 2]}}
"""


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """The lines for trials of three epochs, two at a time. pace: of each config."""
    def of(pace, *overrides, parts=(), text="experiment: {seed: [1, 2, 3, 4, 5, 6]}"):
        monkeypatch.setattr(time_plan, "timed_trials", lambda *_: [])
        monkeypatch.setattr(time_plan, "pace_of", lambda config, *_: pace(config) if callable(pace) else pace)
        (tmp_path / "a.yaml").write_text(f"{text}\ntraining: {{epochs: 3}}")
        study, axes = read_axes(load(tmp_path / "a.yaml", overrides))
        planned = plan(study, axes)
        return list(time_lines(study, axes, [], parts, planned, 8 if planned is None else len(planned), 2))
    return of


def test_time_lines_by_earlier_runs(lines):
    """Three rounds of 3 x 20 + 12 seconds."""
    found = lines(Pace([18.0, 20.0, 40.0], [12.0], ["runs/a", "runs/b"]))
    assert found[0].startswith("time: about 4 min for the trials, each 3 epochs of 20 s and 12 s of validation and test"
                               ", 2 trials at a time")
    assert "measured in 3 epochs of runs/a, runs/b on this machine" in found[1]


def test_time_lines_say_what_was_not_measured(lines):
    found = lines(Pace([20.0], [], ["runs/a"]), "search.scheduler=asha")
    assert found[0].startswith("time: at most about 3 min for the trials, each 3 epochs of 20 s, without validation")


def test_time_lines_without_earlier_runs(lines):
    found = lines(None, parts=PARTS)
    assert found[0].startswith("time: unknown. No run under runs has trained such a model on this machine.")
    assert found[1:] == ["  before them: about 70 s for maps", "  before them, of unknown time: detector"]


def test_time_lines_add_up_rows_of_different_pace(lines):
    """Two seeds on two genomes: 4 x (3 x 10 + 5) + 4 x (3 x 20 + 5) + 4 x (3 x 40 + 5) = 900 s, two at a time."""
    def pace(config):
        seconds = 40.0 if config.augmentation.kind == "gan" else 10.0 * config.training.f_updates
        return Pace([seconds], [5.0], ["runs/a"])

    found = lines(pace, text=ROWS + "experiment: {seed: [1, 2]}")
    assert found[0].startswith("time: about 8 min for the trials, 2 trials at a time")
    assert found[1:4] == ["  row=plain: 4 trials, each 3 epochs of 10 s and 5 s of validation and test",
                          "  row=twice: 4 trials, each 3 epochs of 20 s and 5 s of validation and test",
                          "  row=gan: 4 trials, each 3 epochs of 40 s and 5 s of validation and test"]
    assert "measured in 3 epochs of runs/a" in found[4]


def test_time_lines_name_rows_that_no_run_has_measured(lines):
    found = lines(lambda config: Pace([10.0], [5.0], ["runs/a"]) if config.augmentation.kind == "off" else None,
                  text=ROWS)
    assert found[0].startswith("time: about 70 s for the trials but those of 1 kind, 2 trials at a time")
    assert "  row=gan: 2 trials, each unknown" in found


def test_kinds_of_a_search_that_chooses_as_it_goes(tmp_path):
    """Each entry counts as an equal share; an axis that costs no time makes no kind."""
    (tmp_path / "a.yaml").write_text("augmentation: {kind: {search: choice, of: ['off', gan]}}\n"
                                     "loss: {scale: {search: uniform, low: 1, high: 2}}\n"
                                     f"experiment: {{output: {tmp_path}}}\nsearch: {{algorithm: optuna, trials: 7}}")
    study, axes = read_axes(load(tmp_path / "a.yaml"))
    assert [(kind.point, kind.count, kind.pace) for kind in kinds(study, axes, [], None, 7)] == [
        ({"augmentation.kind": "off"}, 3.5, None), ({"augmentation.kind": "gan"}, 3.5, None)]


def test_kinds_have_the_epochs_of_their_row(tmp_path):
    (tmp_path / "a.yaml").write_text("rows: {a: {}, b: {training: {epochs: 9}}}\ntraining: {epochs: 4}\n"
                                     f"experiment: {{output: {tmp_path}}}")
    study, axes = read_axes(load(tmp_path / "a.yaml"))
    assert [(kind.point[ROW], kind.epochs) for kind in kinds(study, axes, [], plan(study, axes), 2)] == [
        ("a", 4), ("b", 9)]
