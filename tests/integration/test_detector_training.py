"""Pre-training of the papers' detectors at full size, on the nine pictures of the example data set."""

import json
import shutil
from pathlib import Path

import pytest

from sgg.detector import load_detector
from sgg.detector.__main__ import main

EXAMPLE = Path(__file__).parents[1] / "example"


@pytest.mark.parametrize(("backbone", "size"), [("vgg16", 592), ("resnet50", 1333)])
def test_your_own_data_train_a_detector_of_the_papers(backbone, size, tmp_path, capsys) -> None:
    shutil.copytree(EXAMPLE / "custom", tmp_path / "data" / "custom")
    data = ["--data", "custom", "--root", str(tmp_path / "data"), "--batch-size", "2", "--device", "cpu"]
    made = tmp_path / "detector"
    assert main(["train", *data, "--backbone", backbone, "--to", str(made), "--epochs", "1"]) == 0
    detector, facts = load_detector(made)
    assert (facts["backbone"], facts["image_size"], facts["recipe"]["epochs"]) == (backbone, size, 1)
    assert detector.rcnn.roi_heads.box_predictor.cls_score.out_features == 25
    assert main(["evaluate", str(made), *data, "--images", "1", "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert 0 <= figures["test/detector/mAP@.5"] <= 1
    assert "test/detector/mAP@.5" in capsys.readouterr().out
