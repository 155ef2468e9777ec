"""`python -m sgg.detector`: train, evaluate, and what it says to wrong arguments."""

import json
import re

import pytest

from sgg.common.versions import PROGRAM, program
from sgg.data import open_dataset
from sgg.detector import save_detector
from sgg.detector.__main__ import main
from sgg.detector.model import Detector
from sgg.detector.proposals import RANDOM
from tests.plugins import BACKBONE, no_plugin_stays


def test_train_reads_the_same_data_as_a_config(toy_root, tmp_path, monkeypatch, capsys) -> None:
    """A detector of a config with more validation images must not have seen them; a small GQA needs fewer."""
    monkeypatch.setattr("sgg.detector.evaluation.measure", lambda *_: {})
    where = ["--root", str(toy_root), "--device", "cpu", "--num-val-images", "5"]
    assert main(["train", "--data", "toy", *where, "--out", str(tmp_path / "d"), "--epochs", "1"]) == 0
    metadata = json.loads((tmp_path / "d" / "detector.json").read_text())
    assert metadata["data_hash"] == open_dataset("toy", toy_root, num_val_images=5).hash
    assert main(["evaluate", str(tmp_path / "d"), "--data", "toy", *where]) == 0
    assert metadata["data_hash"] in capsys.readouterr().out
    for command in (["train", "--out", "e"], ["evaluate", str(tmp_path / "d")]):
        assert main([*command, "--data", "toy", "--root", str(toy_root), "--exclude-left-right"]) == 2
        assert "exclude_left_right is for data.name gqa, not toy" in capsys.readouterr().err


def test_train_then_evaluate(toy_root, tmp_path, capsys) -> None:
    where = ["--data", "toy", "--root", str(toy_root), "--device", "cpu"]
    assert main(["train", *where, "--out", str(tmp_path / "d"), "--epochs", "1", "--batch-size", "5"]) == 0
    said = capsys.readouterr().out
    assert "toy genome" in said
    assert "val/detector/mAP@.5" in said
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["d"]
    written = tmp_path / "metrics.json"
    assert main(["evaluate", str(tmp_path / "d"), *where, "--images", "3", "--json", str(written)]) == 0
    found = json.loads(written.read_text())
    assert found.pop(PROGRAM) == program()
    assert all(name.startswith("test/detector/") for name in found)
    assert main(["train", *where, "--out", str(tmp_path / "d")]) == 2
    assert "already holds a detector" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["evaluate", "absent", "--data", "toy"], "absent/detector.json is missing"),
    (["evaluate", "absent", "--device", "foo"], "--device must be auto, cpu, cuda"),
    (["train", "--out", "new", "--device", "cuda:99"], "--device is cuda:99, but torch sees "),
    (["train", "--out", "new", "--data", "toy", "--backbone", "resnet50", "--start", "absent.pth"],
     "absent.pth is missing"),
])
def test_main_answers_mistakes_in_one_message(toy_root, tmp_path, monkeypatch, capsys, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--root", str(toy_root)]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "option", "value"), [
    ("evaluate d", "--images", "-590"), ("evaluate d", "--batch-size", "0"), ("evaluate d", "--workers", "-1"),
    ("train --out d", "--epochs", "0"), ("train --out d", "--epochs", "many"),
    ("train --out d", "--learning-rate", "nan"), ("train --out d", "--num-val-images", "0")])
def test_numbers_out_of_range(command, option, value, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*command.split(), option, value])
    assert re.search(rf"argument {option}: must be a (whole )?number >=? ?[01], got {value}", capsys.readouterr().err)


def test_train_never_touches_a_folder_of_other_things(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sgg.detector.__main__.open_by_options", lambda *_: pytest.fail("work has begun"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    assert main(["train", "--out", str(tmp_path / "home")]) == 2
    assert capsys.readouterr().err == (f"error: {tmp_path}/home holds other files (thesis.tex): name a new or an "
                                       "empty folder\n")
    assert main(["train", "--out", str(tmp_path / "home" / "thesis.tex")]) == 2
    assert "thesis.tex is no folder" in capsys.readouterr().err
    assert (tmp_path / "home" / "thesis.tex").read_text() == "years of work"


def test_evaluate_refuses_a_detector_that_finds_no_boxes(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sgg.detector.__main__.open_by_options", lambda *_: pytest.fail("work has begun"))
    save_detector(Detector("tiny", 3), tmp_path / "d", RANDOM)
    assert main(["evaluate", str(tmp_path / "d")]) == 2
    assert "average precision needs boxes that the detector finds, but" in capsys.readouterr().err


def test_main_names_a_plugins_backbone_that_cannot_be_built(toy_root, tmp_path, capsys) -> None:
    (tmp_path / "small.py").write_text(BACKBONE)
    detector = Detector("tiny", 25)
    save_detector(detector, tmp_path / "d", {})
    described = tmp_path / "d" / "detector.json"
    described.write_text(described.read_text().replace('"tiny"', '"small"'))
    where = ["--data", "toy", "--root", str(toy_root), "--plugin", str(tmp_path / "small.py")]
    with no_plugin_stays():
        for words in (["train", "--out", str(tmp_path / "new"), "--backbone", "small"],
                      ["evaluate", str(tmp_path / "d")]):
            assert main([*words, *where]) == 2
            assert f"error: detector: {tmp_path / 'small.py'}:14: RuntimeError: no\n" in capsys.readouterr().err
