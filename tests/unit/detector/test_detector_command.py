"""`python -m sgg.detector`: train, evaluate, and what it says to wrong arguments."""

import json

import pytest

from sgg.detector.__main__ import main


def test_train_then_evaluate(toy_root, tmp_path, capsys) -> None:
    where = ["--data", "toy", "--root", str(toy_root), "--device", "cpu"]
    assert main(["train", *where, "--to", str(tmp_path / "d"), "--epochs", "1", "--batch-size", "5"]) == 0
    said = capsys.readouterr().out
    assert "toy genome" in said
    assert "val/detector/mAP@.5" in said
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["d"]
    figures = tmp_path / "figures.json"
    assert main(["evaluate", str(tmp_path / "d"), *where, "--images", "3", "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert all(name.startswith("test/detector/") for name in found)
    assert main(["train", *where, "--to", str(tmp_path / "d")]) == 2
    assert "already holds a detector" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["evaluate", "absent", "--data", "toy"], "absent/detector.json is missing"),
    (["train", "--to", "new", "--data", "toy", "--epochs", "0"], "detector epochs must be > 0, got 0"),
    (["train", "--to", "new", "--data", "toy", "--backbone", "resnet50", "--start", "absent.pth"],
     "absent.pth is missing"),
])
def test_mistakes(toy_root, tmp_path, monkeypatch, capsys, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--root", str(toy_root)]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
