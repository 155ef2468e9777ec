"""Pre-training of the papers' detectors, all of their weights, on the nine images of the example data set."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sgg.detector import load_detector
from sgg.detector.__main__ import main
from sgg.detector.layout import METADATA
from sgg.methods.backbone import BACKBONES

EXAMPLE = Path(__file__).parents[1] / "example"
SMALL = 96
"""Pixels of the images that are trained on: the weights do not depend on it, and the time does."""


@pytest.mark.usefixtures("every_core")
@pytest.mark.slow  # a step and a file of 140 million weights; a look at 1,333 pixels
@pytest.mark.parametrize(("backbone", "size"), [("vgg16", 592), ("resnet50", 1333)])
def test_train_trains_a_detector_of_the_papers_on_your_own_data(backbone, size, tmp_path, capsys, monkeypatch) -> None:
    """Trained by the command on small images, and measured by the command on one image of the papers' size."""
    shutil.copytree(EXAMPLE / "custom", tmp_path / "data" / "custom")
    data = ["--data", "custom", "--root", str(tmp_path / "data"), "--batch-size", "2", "--device", "cpu"]
    made = tmp_path / "detector"
    with monkeypatch.context() as patch:
        patch.setattr(BACKBONES[backbone], "spec", replace(BACKBONES[backbone].spec, image_size=SMALL))
        assert main(["train", *data, "--backbone", backbone, "--out", str(made), "--epochs", "1"]) == 0
    assert "val/detector/mAP@.5" in capsys.readouterr().out
    facts = json.loads((made / METADATA).read_text())
    assert (facts["backbone"], facts["image_size"], facts["recipe"]["epochs"]) == (backbone, SMALL, 1)
    (made / METADATA).write_text(json.dumps(facts | {"image_size": BACKBONES[backbone].spec.image_size}))

    detector, facts = load_detector(made)
    assert (detector.image_size, facts["num_classes"]) == (size, 25)
    assert detector.rcnn.roi_heads.box_predictor.cls_score.out_features == 25
    del detector
    assert main(["evaluate", str(made), *data, "--images", "1", "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert 0 <= figures["test/detector/mAP@.5"] <= 1
    assert "test/detector/mAP@.5" in capsys.readouterr().out
