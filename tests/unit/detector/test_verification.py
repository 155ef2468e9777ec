"""Whether a detector fits a data set."""

import json

from sgg.data import open_dataset
from sgg.data.__main__ import main
from sgg.data.verify import Verified
from sgg.detector import save_detector
from sgg.detector.model import Detector
from sgg.detector.verification import verify_detector


def test_verify_detector_of_other_classes_is_a_fault(toy_root, tmp_path) -> None:
    """It is not measured."""
    data = open_dataset("toy", toy_root)
    turned = [data.classes[0], *data.classes[:0:-1]]
    save_detector(Detector("tiny", len(data.classes)), tmp_path / "d", {"classes": turned})
    found = Verified()
    assert verify_detector(found, data, tmp_path / "d") == {}
    finding, = found.findings
    assert finding.severity == "fault"
    assert "the same classes in another order: number 1 is" in finding.example


def test_verify_measures_what_a_detector_finds(toy_copy, tmp_path, capsys, monkeypatch) -> None:
    """One relation of four is not found. The command prints it beside the other findings, and all metrics. The data
    are a copy, since verify also reads what other tests have derived from the shared ones, some of it damaged."""
    data = open_dataset("toy", toy_copy)
    save_detector(Detector("tiny", len(data.classes)), tmp_path / "d", {"classes": data.classes})
    monkeypatch.setattr("sgg.detector.evaluation.measure", lambda *_, **__: {
        "val/detector/mAP": 0.25, "val/detector/all/both-found": 0.75})
    found = Verified()
    assert verify_detector(found, data, tmp_path / "d", images=2)["val/detector/mAP"] == 0.25
    relations = len(data.split("val").head(2).annotations.relations)
    finding, = found.findings
    assert (finding.count, finding.of, finding.severity) == (round(relations / 4), relations, "note")
    assert "its recall is at most 75.0 % of all relations" in finding.effect
    written = tmp_path / "found.json"
    words = ["verify", "--data", "toy", "--root", str(toy_copy), "--detector", str(tmp_path / "d"), "--images", "2"]
    assert main([*words, "--json", str(written)]) == 0
    assert "val/detector/mAP" in capsys.readouterr().out
    result = json.loads(written.read_text())
    assert result["detector"] == {"val/detector/mAP": 0.25, "val/detector/all/both-found": 0.75}
    assert finding.kind in {one["kind"] for one in result["findings"]}
