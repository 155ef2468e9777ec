"""The command: what it writes, and what it says of mistakes."""

import json

import pytest

from sgg.evaluate.feature_quality import FeatureStudy
from sgg.show import predictions
from sgg.show.__main__ import main
from tests.noise_study import noise_study


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_main_writes_a_page_of_zero_shot_triplets(toy_root, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert run("zero-shot", "--data", "toy", "--root", toy_root, "--limit", 2, "--examples", 1, "--out", out) == 0
    assert capsys.readouterr().out == f"written: {out / 'index.html'}\n"
    assert (out / "index.html").read_text().count("<article") == 2


def test_main_writes_a_page_of_perturbations(toy_root, tmp_path) -> None:
    words = "perturbations", "--data", "toy", "--root", toy_root
    settings = "--method", "neigh,graphn", "--topk", "1,2", "--alpha", "1,5", "--index", 2
    assert run(*words, *settings, "--out", tmp_path) == 0
    assert (tmp_path / "index.html").read_text().count("<article") == 1 + 2 + 4


@pytest.mark.parametrize(("words", "message"), [
    (["perturbations", "--index", "12345"], "--index 12345: test has"),
    (["perturbations", "--image", "no_such"], "--image no_such: test has no image"),
    (["perturbations", "--topk", "99"], "topk must be at most"),
    (["perturbations", "--method", "rand,neigh", "--alpha", "3"], "--alpha acts with --method graphn alone"),
    (["perturbations", "--method", "rand", "--topk", "3"], "--topk acts with --method neigh or graphn alone"),
    (["perturbations", "--intensity", "1.5"], "intensity must be in (0, 1]"),
    (["perturbations", "--method", "off"], "--method off: must be one of rand, neigh, graphn"),
    (["zero-shot", "--set", "data.nothing=1"], "data.nothing is no setting")])
def test_main_names_the_option_that_is_wrong(toy_root, tmp_path, capsys, words, message) -> None:
    assert run(*words, "--data", "toy", "--root", toy_root, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_main_refuses_a_run_without_a_gan(tmp_path, capsys) -> None:
    (tmp_path / "meta.json").write_text(json.dumps({"format": 1, "epoch": 1, "config": {}}))
    assert run("features", tmp_path, "--out", tmp_path / "out") == 2
    assert "this run has no GAN, so there are no generated features" in capsys.readouterr().err


def test_main_refuses_a_checkpoint_that_is_not_there(tmp_path, capsys) -> None:
    assert run("predictions", tmp_path / "nothing", "--out", tmp_path / "out") == 2
    assert str(tmp_path / "nothing") in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_main_refuses_a_page_that_is_not_its_own_before_work(tmp_path, capsys) -> None:
    (tmp_path / "index.html").write_text("<h1>thesis</h1>")
    assert run("zero-shot", "--root", tmp_path / "no_such_root", "--out", tmp_path) == 2
    assert "index.html is not a page of sgg.show" in capsys.readouterr().err


def test_main_writes_a_page_of_predictions(model, tmp_path, monkeypatch) -> None:
    """The options of the model go to `open_model`, those of the page to `show_predictions`."""
    asked = []
    monkeypatch.setattr(predictions, "open_model", lambda *arguments: asked.append(arguments) or model)
    assert run("predictions", "trial", "--root", "r", "--mode", "sgcls,predcls", "--device", "cpu", "--split", "val",
               "--limit", 1, "--top", 3, "--unconstrained", "--out", tmp_path) == 0
    ((checkpoint, root, modes, device, changed),) = asked
    assert (str(checkpoint), str(root), modes, device, changed) == ("trial", "r", ["sgcls", "predcls"], "cpu", False)
    text = (tmp_path / "index.html").read_text()
    assert text.count("<article") == 2
    assert "ngR@3" in text
    assert "Predictions on val of" in text


def test_main_writes_a_page_of_features(tmp_path, monkeypatch) -> None:
    asked = []
    study = noise_study(tmp_path)
    monkeypatch.setattr(FeatureStudy, "open", lambda *arguments: asked.append(arguments) or study)
    (tmp_path / "groups.json").write_text('{"pets": ["cat", "dog"]}')
    assert run("features", "trial", "--images", 7, "--rows", 9, "--k", 2, "--groups", tmp_path / "groups.json",
               "--out", tmp_path / "out") == 0
    ((path, images, rows, _, changed),) = asked
    assert (str(path), images, rows, changed) == ("trial", 7, 9, False)
    assert "k = 2 nearest neighbours." in (tmp_path / "out" / "index.html").read_text()
