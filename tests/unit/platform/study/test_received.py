"""Plugins on their way to other processes: copied where all nodes see them, loaded before the settings are read."""

import json
from contextlib import nullcontext
from pathlib import Path
from platform import extract
from platform.study.received import received

import pytest

from sgg.config import load
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.plugins import unload_plugins
from tests.plugins import no_plugin_stays

LOSS = """
from typing import Annotated, Literal

from sgg.settings.roles import trains
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss


@EDGE_LOSSES.register
class Mine(EdgeLoss):
    kind: Annotated[Literal["mine"], trains(mid_training=True)] = "mine"

    def build(self, statistics):
        raise NotImplementedError
"""


@pytest.fixture
def config(tmp_path: Path):
    (tmp_path / "my_loss.py").write_text(LOSS)
    path = tmp_path / "a.yaml"
    path.write_text(f"experiment: {{name: a, output: {tmp_path}/runs, plugins: my_loss.py}}\nloss: mine\n")
    with no_plugin_stays():
        yield path


def test_received_loads_plugins(config) -> None:
    settings = json.loads(load(config).base.model_dump_json())
    unload_plugins(["my_loss.py"])
    assert "mine" not in EDGE_LOSSES.entries
    assert received(settings).loss.kind == "mine"


def test_extract_sends_copies_as_a_search_does(config, toy_root, tmp_path, monkeypatch, capsys) -> None:
    """Other nodes see the folder of the run, but not that of the config."""
    sent = []

    class Store(list):
        path, num_bytes = "there", 0

    def write(config, resources):
        sent.append(received(json.loads(config.model_dump_json())))
        return [Store()]

    monkeypatch.setattr(extract, "ray_session", lambda *_: nullcontext({"CPU": 1.0}))
    monkeypatch.setattr(extract, "require_nodes", lambda study: None)
    monkeypatch.setattr(extract, "require_room", lambda *_: None)
    monkeypatch.setattr(extract, "extract", write)
    monkeypatch.setattr(extract, "store_maps", lambda config, *_: sent.append(config) or ["the maps"])
    words = [str(config), "data.name=toy", f"data.root={toy_root}"]
    assert extract.main(words) == 0
    assert "no features are extracted" in capsys.readouterr().out, "without a GAN"
    assert extract.main([*words, "augmentation.kind=gan"]) == 0
    assert len({tuple(one.experiment.plugins) for one in sent}) == 1
    (plugin,) = sent[2].experiment.plugins
    assert Path(plugin).is_relative_to(tmp_path / "runs" / "a")
    assert Path(plugin).read_text() == LOSS
    printed = capsys.readouterr().out
    assert "maps: the maps\n" in printed
    assert "there" in printed
