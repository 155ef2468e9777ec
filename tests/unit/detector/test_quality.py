"""How good a detector is, as its own files say."""

import json

import pytest

from sgg.detector.backbones.tiny import Tiny
from sgg.detector.cache import train_into
from sgg.detector.evaluation import measure
from sgg.detector.files import load_detector
from sgg.detector.layout import METADATA, METRICS
from sgg.detector.quality import PUBLISHED, measure_trained, recorded_metrics


def test_train_into_records_what_measure_gives(data, tmp_path) -> None:
    train_into(tmp_path / "d", data, Tiny(epochs=1, batch_size=8))
    detector, metadata = load_detector(tmp_path / "d")
    found = measure(detector, data, "val")
    assert metadata[METRICS] == {name: value for name, value in found.items() if value == value}
    assert recorded_metrics(tmp_path / "d", metadata["hash"]) == {
        "on": f"val of {data.description}", "mAP": found["val/detector/mAP"], "mAP@.5": found["val/detector/mAP@.5"]}


def test_measure_trained_keeps_the_detector_when_val_cannot_be_read(data, monkeypatch, caplog) -> None:
    def measure(*_: object) -> None:
        raise FileNotFoundError("image file 7.jpg is missing")

    monkeypatch.setattr("sgg.detector.evaluation.measure", measure)
    assert measure_trained(None, data) == {}
    assert "its average precision is unknown: image file 7.jpg is missing" in caplog.text


@pytest.mark.parametrize(("content", "reason"), [
    (None, "detector.json does not say it"), ({"hash": "ab"}, "detector.json does not say it"),
    ({"hash": "other", METRICS: {"val/detector/mAP": 0.5, "val/detector/mAP@.5": 0.7}},
     "detector.json does not say it"),
    ({"hash": "ab", METRICS: {"val/detector/mAP": 0.5}}, "detector.json does not say it")])
def test_recorded_metrics_says_why_it_is_unknown(tmp_path, content, reason) -> None:
    if content is not None:
        (tmp_path / METADATA).write_text(json.dumps(content))
    assert recorded_metrics(tmp_path, "ab")["unknown"].startswith(f"{tmp_path}/{reason}")


def test_recorded_metrics_of_a_published_file() -> None:
    assert recorded_metrics(None, "ab") == {"unknown": PUBLISHED}
