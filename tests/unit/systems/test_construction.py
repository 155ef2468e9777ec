"""Parts from outside that fail as they are built are named before anything starts."""

import pytest

from sgg.config import validate
from sgg.config.__main__ import main
from sgg.data import open_dataset
from sgg.methods.plugins import load_plugins, loaded_digests, unload_plugins
from sgg.systems.construction import faults_of_plugins

ADJUSTMENT = """
from typing import Annotated, Literal

from sgg.config.roles import measures
from sgg.methods.adjustment import ADJUSTMENTS, Adjustment


@ADJUSTMENTS.register
class Shift(Adjustment):
    kind: Annotated[Literal["shift"], measures()] = "shift"
    \"\"\"Shift.\"\"\"
    values: Annotated[list[float], measures(swept=True)] = [0.0]
    \"\"\"By how much the background is moved.\"\"\"

    def build(self, statistics):
        return statistics.no_such_count
"""


@pytest.fixture
def shift(tmp_path):
    path = tmp_path / "shift.py"
    path.write_text(ADJUSTMENT)
    load_plugins([str(path)])
    yield path
    unload_plugins(list(loaded_digests()))


def test_an_adjustment_that_cannot_be_built(shift, toy_root) -> None:
    data = open_dataset("toy", toy_root)

    def faults(values: list[float]) -> list[str]:
        return faults_of_plugins(validate({"data": {"name": "toy", "root": str(toy_root)},
                                           "evaluation": {"shift": values}}), data)

    (fault,) = faults([0.0, 1.0])
    assert fault.startswith("evaluation.shift: ")
    for part in ("shift.py:16", "no_such_count"):
        assert part in fault
    assert faults([0.0]) == [], "it is not asked for"


def test_the_reference_shows_the_settings_of_a_plugin(shift, capsys) -> None:
    unload_plugins(list(loaded_digests()))
    assert main([]) == 0
    assert "evaluation.shift" not in capsys.readouterr().out
    assert main(["--plugin", str(shift)]) == 0
    assert "By how much the background is moved." in capsys.readouterr().out
    assert main(["--plugin", "nowhere.py"]) == 2
    assert "nowhere.py: there is no such file" in capsys.readouterr().err
