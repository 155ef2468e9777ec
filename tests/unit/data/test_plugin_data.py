"""A data set of a plugin is prepared, shown and verified by the same commands as ours."""

from pathlib import Path

import pytest

from sgg.config import validate
from sgg.data.__main__ import main
from sgg.methods.plugins import load_plugins, loaded_digests, unload_plugins

DRAWN = """
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from sgg.settings.roles import trains
from sgg.data.fetch.sources import Source
from sgg.methods.dataset import DATA_SETS, DataSettings


@DATA_SETS.register
class Drawn(DataSettings):
    rate_per_image: ClassVar = 5e-4
    pairs_per_image: ClassVar = 7
    sources: ClassVar = (Source("ADDRESS/about.txt", "drawn/about.txt"),)

    name: Annotated[Literal["drawn"], trains(shared=True, tried=True)] = "drawn"
    \"\"\"The toy genome's files.\"\"\"
    split_of: Annotated[str, trains(shared=True, tried=True)] = "nowhere"
    \"\"\"The folder.\"\"\"

    def open(self, rules, cache):
        from sgg.data.toy.dataset import open_toy

        return replace(open_toy(self.root / self.split_of, rules=rules), name="drawn", title="drawings")
"""


@pytest.fixture
def plugin(tmp_path: Path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "about.txt").write_text("drawings")
    path = tmp_path / "my_data.py"
    path.write_text(DRAWN.replace("ADDRESS", (tmp_path / "net").as_uri()))
    yield path
    unload_plugins(list(loaded_digests()))


@pytest.mark.parametrize("command", ["stats", "verify", "convert --out converted"])
def test_it_is_shown_verified_and_converted(toy_root, tmp_path, plugin, monkeypatch, capsys, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [*command.split(), "--data", "drawn", "--root", str(toy_root)]
    assert main(arguments) == 2
    assert "data.name must be one of auto, vg" in capsys.readouterr().err
    named = [*arguments, "--plugin", str(plugin), "--set"]
    assert main([*named, "data.part_off=toy"]) == 2
    assert "data.part_off is no setting of data.name drawn; known here: " in capsys.readouterr().err
    assert main([*named, "data.split_of=toy"]) in (0, 1)
    assert "32/8/12 images" in capsys.readouterr().out


def test_it_says_which_rates_suit_it(plugin) -> None:
    load_plugins([str(plugin)])
    config = validate({"data": "drawn", "training": {"batch_size": 10}})
    assert config.training.learning_rate == pytest.approx(0.005)
    assert config.model.pairs_per_image == 7


def test_its_files_are_fetched(tmp_path, plugin, capsys) -> None:
    arguments = ["prepare", "drawn", "--root", str(tmp_path / "data")]
    assert main(arguments) == 2
    assert "prepare knows vg, gqa, glove, not 'drawn'; if a plugin defines it" in capsys.readouterr().err
    assert main([*arguments, "--plugin", str(plugin)]) == 0
    assert (tmp_path / "data" / "drawn" / "about.txt").read_text() == "drawings"
