"""A checkpoint whose plugin has a part that cannot be used any more."""

from pathlib import Path

import pytest
import torch

from sgg import checkpoint
from sgg.config import validate
from sgg.data import open_dataset
from sgg.evaluate.__main__ import main
from sgg.evaluate.restore import restore
from sgg.methods.plugin_files import PluginError
from sgg.systems.two_stage import foundation
from tests.plugins import loaded

PARTS = """
from typing import Annotated, Literal

from sgg.methods.adjustment import ADJUSTMENTS, Adjustment
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeLoss
from sgg.methods.head import HEADS, Head
from sgg.settings.roles import measures, trains


@HEADS.register
class Mine(Head):
    kind: Annotated[Literal["mine"], trains()] = "mine"

    def build(self, sizes, words=None):
        return sizes.no_such_size


@ADJUSTMENTS.register
class Shift(Adjustment):
    kind: Annotated[Literal["shift"], measures()] = "shift"
    values: Annotated[list[float], measures(swept=True)] = [0.0]

    def build(self, statistics):
        return lambda logits, context, value: logits[1:]


@EDGE_LOSSES.register
class Unused(EdgeLoss):
    kind: Annotated[Literal["unused"], trains(mid_training=True)] = "unused"

    def build(self, statistics):
        raise RuntimeError("an evaluation needs no loss")
"""


@pytest.fixture
def trained(tmp_path: Path, toy_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint; to train or load its detector is an error."""
    with loaded(tmp_path / "parts.py", PARTS) as plugin:
        config = validate({"data": {"name": "toy", "root": str(toy_root)}, "model": {"head": "mine"}, "loss": "unused",
                           "evaluation": {"shift": [0, 1]}, "experiment": {"plugins": [str(plugin)]}})
        data = open_dataset("toy", toy_root)
        meta = {"data": {"hash": data.hash}, "detector": None, "config": config.model_dump(mode="json")}
        saved = checkpoint.save(tmp_path / "trial", 1, {"model": torch.nn.Linear(1, 1)}, {}, meta)
        monkeypatch.setattr(foundation, "ensure_detector", lambda *given: pytest.fail("a detector was opened"))
        yield saved.path


def test_restore_names_all_parts_of_plugins_that_cannot_be_used(trained, tmp_path) -> None:
    with pytest.raises(PluginError) as refused:
        restore(trained)
    first, head, adjustment = str(refused.value).split("\n  ")
    assert first == "2 faults", "the loss is not needed"
    assert head == f"model.head: {tmp_path / 'parts.py'}:15: AttributeError: 'HeadSizes' object has no attribute " \
                   "'no_such_size'"
    assert adjustment.startswith(f"evaluation.shift: {tmp_path / 'parts.py'}:24: the adjustment shift must return")


def test_main_exits_with_2_for_a_plugin_that_was_broken_after_the_training(trained, tmp_path, capsys) -> None:
    (tmp_path / "parts.py").write_text(PARTS.replace("logits[1:]", "logits.nonsense"))
    words = [str(trained), "--plugin", str(tmp_path / "parts.py")]
    assert main(words) == 2
    assert "add --allow-changed-plugin" in capsys.readouterr().err
    assert main([*words, "--allow-changed-plugin"]) == 2
    said = capsys.readouterr().err
    assert "error: 2 faults\n  model.head: " in said
    assert "parts.py:24: AttributeError" in said


def test_restore_goes_on_without_a_zero_shot_list_that_is_gone(trained, tmp_path, monkeypatch, caplog) -> None:
    """Whoever shows predictions needs no list. A list that the user names must exist."""
    opened = []

    def open_foundation(config, check, use):
        opened.append(config.evaluation.zero_shot_list)
        raise KeyboardInterrupt

    monkeypatch.setattr("sgg.systems.open_foundation", open_foundation)
    meta = checkpoint.open_checkpoint(trained).meta
    meta["config"]["evaluation"]["zero_shot_list"] = str(tmp_path / "gone.csv")
    again = checkpoint.save(tmp_path / "again", 1, {"model": torch.nn.Linear(1, 1)}, {}, meta).path
    for changes in ({}, {"evaluation": {"zero_shot_list": str(tmp_path / "mine.csv")}}):
        with pytest.raises(KeyboardInterrupt):
            restore(again, changes)
    assert opened == [None, tmp_path / "mine.csv"]
    assert "gone.csv, which training named, does not exist, so zs-list is not measured" in caplog.text
