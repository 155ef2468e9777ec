"""One of each kind of part from outside the repository, trained through Ray and measured afterwards."""

import json
from pathlib import Path
from platform import train
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FINISHED

import pytest
import yaml

from sgg.evaluate import __main__ as evaluate
from sgg.methods.plugins import loaded_digests, unload_plugins
from tests.plugins import no_plugin_stays

pytestmark = [pytest.mark.ray, pytest.mark.slow]  # the worker is a process that imports torch and trains

PARTS = '''
from dataclasses import replace
from typing import Annotated, Literal

from sgg.settings.roles import measures, trains
from sgg.detector.backbones.tiny import Tiny
from sgg.methods.adjustment import ADJUSTMENTS, Adjustment
from sgg.methods.augmentation import AUGMENTATIONS, Augmentation
from sgg.methods.backbone import BACKBONES
from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss
from sgg.methods.head import HEADS, Head, HeadOutputs


@HEADS.register
class Linear(Head):
    kind: Annotated[Literal["linear"], trains()] = "linear"
    """One layer each."""
    gain: Annotated[float, trains()] = 1.0
    """Of all logits."""

    def build(self, sizes, words=None):
        import torch

        class Network(torch.nn.ModuleDict):
            def forward(self, inputs):
                return HeadOutputs(self["nodes"](inputs.nodes) * gain, self["edges"](inputs.edges) * gain)

        gain = self.gain
        return Network({"nodes": torch.nn.Linear(sizes.vector, sizes.classes),
                        "edges": torch.nn.Linear(sizes.vector, sizes.predicates)})


@EDGE_LOSSES.register
class Mean(EdgeLoss):
    kind: Annotated[Literal["mean"], trains(mid_training=True)] = "mean"
    """Cross-entropy."""

    def build(self, statistics):
        from torch.nn.functional import cross_entropy

        return lambda logits, predicates, context: cross_entropy(logits, predicates)


@AUGMENTATIONS.register
class Idle(Augmentation):
    kind: Annotated[Literal["idle"], trains(shared=True, tried=True)] = "idle"
    """Nothing."""

    def build(self, parts):
        from sgg.systems.two_stage.augmenter import Augmenter

        return Augmenter()


@DATA_SETS.register
class Drawn(DataSettings):
    name: Annotated[Literal["drawn"], trains(shared=True, tried=True)] = "drawn"
    """The toy genome's files."""
    split_of: Annotated[str, trains(shared=True, tried=True)] = "nowhere"
    """The folder."""

    def open(self, rules, cache):
        from sgg.data.toy.dataset import open_toy

        return replace(open_toy(self.root / self.split_of, rules=rules), name="drawn", title="drawings")


@BACKBONES.register
class Small(Tiny):
    backbone: Annotated[Literal["small"], trains(shared=True)] = "small"
    """As tiny."""
    sharpness: Annotated[float, trains(shared=True)] = 1.0
    """Changes nothing, but tells detectors apart."""


@ADJUSTMENTS.register
class Shift(Adjustment):
    kind: Annotated[Literal["shift"], measures()] = "shift"
    """Of the background."""
    values: Annotated[list[float], measures(swept=True)] = [0.0]
    """By how much."""

    def build(self, statistics):
        def shift(logits, context, value):
            moved = logits.clone()
            moved[:, 0] += value
            return moved

        return shift
'''


@pytest.fixture
def plugin(tmp_path: Path):
    path = tmp_path / "parts.py"
    path.write_text(PARTS)
    with no_plugin_stays():
        yield path


def test_parts_from_outside(ray_with_gpus, toy_settings, tmp_path, plugin, capsys) -> None:
    settings = toy_settings | {
        "data": {"name": "drawn", "split_of": "toy", "root": toy_settings["data"]["root"], "workers": 0},
        "detector": {"backbone": "small", "epochs": 2, "sharpness": 2.0},
        "evaluation": toy_settings["evaluation"] | {"shift": [0, 1]},
        "training": {"epochs": 1, "batch_size": 8, "drop_last": False}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(settings | {
        "experiment": {"name": "a", "output": str(tmp_path / "runs"), "plugins": "parts.py"},
        "model": {"head": {"kind": "linear", "gain": 2}}, "loss": "mean", "augmentation": "idle"}))
    assert train.main([str(tmp_path / "study.yaml"), "resources.gpus=0"]) == 0
    (record,) = StudyDirectory(tmp_path / "runs" / "a").records()
    assert record.status == FINISHED
    written = record.config()
    assert written["config"]["model"]["head"] == {"kind": "linear", "gain": 2}
    assert written["data"]["plugins"] == loaded_digests()
    assert (written["data"]["name"], written["config"]["detector"]["backbone"]) == ("drawn", "small")
    kept = Path(toy_settings["data"]["root"], "cache", "detectors").glob("small-*/detector.json")
    assert [json.loads(path.read_text())["settings"] for path in kept] == [{"sharpness": 2.0}]

    unload_plugins(["parts.py"])
    arguments = [str(record.directory), "--json", str(tmp_path / "figures.json")]
    assert evaluate.main(arguments) == 2
    assert "needs the plugin parts.py" in capsys.readouterr().err
    assert evaluate.main([*arguments, "--plugin", str(plugin)]) == 0
    named, test = json.loads((tmp_path / "figures.json").read_text())["figures"], record.test()
    assert named["test/predcls/all/R@50"] == test["test/predcls/all/R@50"] > 0
    assert any("shift=1" in name for name in named)
    plugin.write_text(PARTS.replace("= 1.0", "= 3.0"))
    assert evaluate.main([*arguments, "--plugin", str(plugin)]) == 2
    assert "--allow-changed-plugin" in capsys.readouterr().err
    assert evaluate.main([*arguments, "--plugin", str(plugin), "--allow-changed-plugin"]) == 0


def test_train_names_a_part_that_cannot_be_built_before_it_starts(toy_settings, tmp_path, plugin, capsys) -> None:
    plugin.write_text(PARTS.replace("        import torch\n", "        raise RuntimeError('no')\n"))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(toy_settings | {
        "experiment": {"name": "a", "output": str(tmp_path / "runs"), "plugins": "parts.py"},
        "model": {"head": "linear"}}))
    assert train.main([str(tmp_path / "study.yaml")]) == 2
    assert f"model.head: {plugin}:23: RuntimeError: no" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
