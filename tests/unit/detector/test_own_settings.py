"""A backbone's own settings reach its network, and tell its detectors apart."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sgg.config import ConfigError, validate
from sgg.detector import ensure_detector, load_detector, save_detector
from sgg.detector.__main__ import main
from sgg.detector.backbones.tiny import Tiny
from sgg.detector.cache import cache_path, first_edition_path, known_hash
from sgg.detector.layout import METADATA
from sgg.detector.model import Detector
from sgg.methods.backbone import BACKBONES
from sgg.methods.plugins import unload_plugins
from tests.plugins import loaded

WIDE = """
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import PositiveInt

from sgg.settings.roles import trains
from sgg.detector.backbones.tiny import Tiny
from sgg.methods.backbone import BACKBONES


@BACKBONES.register
class Wide(Tiny):
    backbone: Annotated[Literal["wide"], trains(shared=True)] = "wide"
    \"\"\"As tiny, with a box head of another width.\"\"\"
    width: Annotated[PositiveInt, trains(shared=True)] = 128
    \"\"\"Of the box head.\"\"\"
    sharpness: Annotated[float, trains(shared=True)] = 1.0
    \"\"\"Changes no weight.\"\"\"

    @property
    def spec(self):
        return replace(Tiny.spec, head_dim=self.width)

    def build(self, num_classes, settings):
        from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead

        rcnn = Tiny.build(self, num_classes, settings)
        rcnn.roi_heads.box_head = TwoMLPHead(32 * 49, self.width)
        rcnn.roi_heads.box_predictor = FastRCNNPredictor(self.width, num_classes)
        return rcnn
"""


@pytest.fixture
def plugin(tmp_path: Path):
    with loaded(tmp_path / "wide.py", WIDE) as path:
        yield path


def wide(**settings):
    return BACKBONES["wide"](**settings)


def test_cache_path_differs_with_own_settings(data, tmp_path, plugin) -> None:
    one, other = wide(width=16), wide(width=24)
    folders = {cache_path(tmp_path, data, settings) for settings in (one, other, wide(width=16))}
    assert len(folders) == 2
    for settings in (one, other):
        save_detector(Detector(settings, len(data.classes)), cache_path(tmp_path, data, settings), {})
        detector, digest = ensure_detector(data, tmp_path, settings)
        assert (detector.settings.width, detector.head_dim) == (settings.width, settings.width)
        assert detector.box_head_copy("edge").state_dict()["fc7.weight"].shape == (settings.width, settings.width)
        assert known_hash(data, tmp_path, settings) == digest
    assert json.loads((cache_path(tmp_path, data, one) / METADATA).read_text())["settings"] == {"width": 16,
                                                                                             "sharpness": 1.0}


def test_detector_hash_includes_own_settings(tmp_path, plugin) -> None:
    """The same weights under another setting may show other features."""
    detectors = [Detector(wide(width=16, sharpness=sharpness), 4) for sharpness in (1.0, 2.0)]
    detectors[1].load_state_dict(detectors[0].state_dict())
    hashes = {save_detector(detector, tmp_path / str(number), {})["hash"] for number, detector in enumerate(detectors)}
    assert len(hashes) == 2


def test_ensure_detector_refuses_weights_with_other_own_settings(data, tmp_path, plugin) -> None:
    save_detector(Detector(wide(width=16), len(data.classes)), tmp_path / "d", {"classes": data.classes})
    with pytest.raises(ValueError, match=r"d was trained with detector\.width 16, here it is 24: set detector\.width"):
        ensure_detector(data, tmp_path, wide(width=24, weights=tmp_path / "d"))
    assert ensure_detector(data, tmp_path, wide(width=16, weights=tmp_path / "d"))[0].settings.width == 16


def test_load_detector_names_a_file_with_other_settings(tmp_path, plugin) -> None:
    metadata = save_detector(Detector(wide(width=16), 4), tmp_path / "d", {})
    for settings, message in (({"width": -1}, r"settings\.width must be > 0, got -1"),
                              ({"depth": 1}, r"settings\.depth is not a setting")):
        (tmp_path / "d" / METADATA).write_text(json.dumps(metadata | {"settings": settings}))
        with pytest.raises(ValueError, match=rf"detector\.json is not a detector's of this backbone: {message}"):
            load_detector(tmp_path / "d")
    (tmp_path / "d" / METADATA).write_text(json.dumps(metadata))
    unload_plugins(["wide.py"])
    with pytest.raises(ValueError, match=r"backbone must be one of .*, got 'wide'; .*--plugin"):
        load_detector(tmp_path / "d")


def test_validate_checks_settings_of_a_plugins_backbone_like_ours(plugin) -> None:
    config = validate({"data": {"name": "toy"}, "detector": {"backbone": "wide", "width": 16}})
    assert (config.detector.width, config.detector.spec.head_dim) == (16, 16)
    with pytest.raises(ConfigError, match=r"detector\.width must be > 0, got 0"):
        validate({"detector": {"backbone": "wide", "width": 0}})


def test_main_trains_and_opens_a_plugins_backbone(toy_root, tmp_path, plugin, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sgg.detector.evaluation.measure", lambda *_: {})
    unload_plugins(["wide.py"])
    where = ["--data", "toy", "--root", str(toy_root), "--device", "cpu"]
    train = ["train", *where, "--out", str(tmp_path / "d"), "--backbone", "wide", "--epochs", "1"]
    assert main(train) == 2
    said = capsys.readouterr().err
    assert "detector.backbone must be one of 'vgg16', 'resnet50', 'resnext101' or 'tiny', got 'wide'" in said
    named = ["--plugin", str(plugin)]
    assert main([*train, *named, "--set", "detector.width=zero"]) == 2
    assert "detector.width must be a valid integer" in capsys.readouterr().err
    assert main([*train, *named, "--set", "detector.width=16"]) == 0
    unload_plugins(["wide.py"])
    assert main(["evaluate", str(tmp_path / "d"), *where]) == 2
    assert "got 'wide'" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "d"), *where, *named]) == 0
    assert load_detector(tmp_path / "d")[0].settings.width == 16


def test_cache_path_without_own_settings_stays() -> None:
    """Paths of an earlier version, for a data set of these hashes, whose images are square."""
    part = SimpleNamespace(annotations=SimpleNamespace(sizes=np.array([[176, 176]])))
    data = SimpleNamespace(hash="d" * 12, image_hash=lambda part: "p" * 16, split=lambda name: part)
    found = {name: (cache_path("c", data, entry()).name, first_edition_path("c", data, entry()).name)
             for name, entry in BACKBONES.entries.items() if name != "resnext101"}  # no earlier version had that one
    assert found == {"vgg16": ("vgg16-f4a7aaf6aee9", "vgg16-fe6d3c1e6301"),
                     "resnet50": ("resnet50-f4a7aaf6aee9", "resnet50-fe6d3c1e6301"),
                     "tiny": ("tiny-16dfda28a354", "tiny-5bcc342fb6f4")}
    assert cache_path("c", data, Tiny(epochs=2)).name == "tiny-539747ed9e14"


def test_save_detector_without_own_settings_stays(tmp_path) -> None:
    metadata = save_detector(Detector("tiny", 4), tmp_path / "d", {})
    assert set(metadata) == {"format", "backbone", "num_classes", "image_size", "hash", "program"}
    assert len(metadata["hash"]) == 16
