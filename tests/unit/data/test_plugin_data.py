"""A data set of a plugin is prepared, shown and verified by the same commands as ours."""

from pathlib import Path
from platform import train

import pytest

from sgg.config import validate
from sgg.data.__main__ import main
from sgg.methods.plugins import load_plugins
from tests.plugins import no_plugin_stays

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
    with no_plugin_stays():
        yield path


@pytest.mark.parametrize("command", ["stats", "verify", "convert --out converted"])
def test_main_shows_and_converts_a_plugins_data(toy_root, tmp_path, plugin, monkeypatch, capsys, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [*command.split(), "--data", "drawn", "--root", str(toy_root)]
    assert main(arguments) == 2
    assert "data.name must be one of auto, vg" in capsys.readouterr().err
    named = [*arguments, "--plugin", str(plugin), "--set"]
    assert main([*named, "data.part_off=toy"]) == 2
    assert "data.part_off is no setting of data.name drawn; known here: " in capsys.readouterr().err
    assert main([*named, "data.split_of=toy"]) in (0, 1)
    assert "32/8/12 images" in capsys.readouterr().out


OPENED = """from sgg.data.toy.dataset import open_toy

        return replace(open_toy(self.root / self.split_of, rules=rules), name="drawn", title="drawings")
"""


@pytest.mark.parametrize(("code", "words"), [
    ("return {}['train']", ["my_data.py:22: KeyError: 'train'"]),
    ("import json; json.loads('{')", ["my_data.py:22: JSONDecodeError"]),
    ("return 5", ["my_data.py:21: Drawn.open must return a sgg.data.DataSet, got int"]),
    ("raise ValueError('labels.json: image 3 has no boxes')", ["error: labels.json: image 3 has no boxes"]),
])
@pytest.mark.parametrize("command", ["verify", "train"])
def test_main_reports_a_fault_of_a_plugin_once(tmp_path, plugin, capsys, command: str, code: str, words) -> None:
    assert OPENED in DRAWN
    plugin.write_text(DRAWN.replace(OPENED, f"{code}\n"))
    if command == "verify":
        status = main(["verify", "--data", "drawn", "--plugin", str(plugin), "--root", str(tmp_path)])
    else:
        (tmp_path / "a.yaml").write_text(f"experiment: {{plugins: my_data.py, output: {tmp_path}/runs}}\ndata: drawn\n"
                                         "resources: {cpus: 1}\n")
        status = train.main([str(tmp_path / "a.yaml")])
    assert status == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for word in words:
        assert word in said


def test_validate_uses_the_rates_that_a_plugins_data_set_names(plugin) -> None:
    load_plugins([str(plugin)])
    config = validate({"data": "drawn", "training": {"batch_size": 10}})
    assert config.training.learning_rate == pytest.approx(0.005)
    assert config.model.pairs_per_image == 7


def test_main_prepares_the_files_of_a_plugins_data_set(tmp_path, plugin, capsys) -> None:
    arguments = ["prepare", "drawn", "--root", str(tmp_path / "data")]
    assert main(arguments) == 2
    assert "prepare knows vg, gqa, glove, not 'drawn'; if a plugin defines it" in capsys.readouterr().err
    assert main([*arguments, "--plugin", str(plugin)]) == 0
    assert (tmp_path / "data" / "drawn" / "about.txt").read_text() == "drawings"
