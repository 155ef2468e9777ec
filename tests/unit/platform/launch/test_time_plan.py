from platform.launch import time_plan
from platform.launch.pace import Pace
from platform.launch.time_plan import time_lines

import pytest

from sgg.config import load
from sgg.systems.forecast import SharedPart

PARTS = [SharedPart("maps", ["x"], seconds=70.0), SharedPart("vectors", ["x"], None, True, 0, 0.0),
         SharedPart("detector", ["x"])]


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """The lines for six trials of three epochs, two at a time."""
    def of(pace, *overrides, parts=()):
        monkeypatch.setattr(time_plan, "pace_of", lambda *_: pace)
        (tmp_path / "a.yaml").write_text("training: {epochs: 3}")
        return list(time_lines(load(tmp_path / "a.yaml", overrides), [], [], parts, 6, 2))
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
