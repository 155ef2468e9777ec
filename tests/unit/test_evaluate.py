"""The command `python -m sgg.evaluate` on saved predictions; with a model it is tested in tests/integration."""

import json

import numpy as np
import pytest

from sgg.evaluate import figures, main, rescore
from sgg.metrics import SceneGraphMetrics
from sgg.predictions import PredictionFile, PredictionWriter, Protocol
from tests.oracles.evaluator import plain_metrics
from tests.oracles.scenes import PREDICATES, SUBSET, TRAIN, scenes

COUNTS = np.array([9.0, 4, 2, 1])
IMAGES = scenes("sgcls", 70)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "predictions.npz"
    source = {"checkpoint": "runs/a", "epoch": 3, "data": {"name": "toy", "description": "four classes", "hash": "ab"}}
    names = ["__background__", "a", "b", "c"]
    protocol = Protocol("val", ("predcls", "sgcls"), names, names, TRAIN, SUBSET, COUNTS, source)
    with PredictionWriter(path, protocol) as writer:
        for number, (truth, prediction) in enumerate(IMAGES):
            writer.add(str(number), truth, {"predcls": prediction, "sgcls": prediction})
    return path


def test_the_command_recomputes_every_figure(path, tmp_path, capsys):
    found = tmp_path / "figures.json"
    assert main(["--predictions", str(path), "--mode", "sgcls", "--pred-weights", "0,0.5", "--ks", "2,100",
                 "--json", str(found)]) == 0
    written = json.loads(found.read_text())
    assert (written["part"], written["epoch"], written["data"]["name"]) == ("val", 3, "toy")
    want = plain_metrics(IMAGES, "sgcls", PREDICATES, TRAIN, SUBSET, (2, 100), {0.5: COUNTS**0.5})
    want = {f"val/sgcls/{name}": value for name, value in want.items() if "/predicate" not in name}
    assert written["figures"] == pytest.approx(want, rel=1e-6)
    printed = capsys.readouterr().out
    assert "four classes" in printed
    assert f"{100 * want['val/sgcls/zs/ngR@100/x0.5']:.2f}" in printed


def test_all_saved_modes_are_the_default(path, tmp_path):
    assert main(["--predictions", str(path), "--json", str(tmp_path / "figures.json")]) == 0
    named = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert {name.split("/")[1] for name in named} == {"predcls", "sgcls"}
    assert "val/predcls/all/ngR@300" in named


def test_clean_definitions_differ(path):
    saved = PredictionFile(path)
    usual = rescore(saved, saved.protocol.metrics(["sgcls"], [2], [0.5]))
    clean = rescore(saved, saved.protocol.metrics(["sgcls"], [2], [0.5], {"resort_after_reweight": True}))
    assert usual["sgcls/all/R@2"] == clean["sgcls/all/R@2"]
    assert usual["sgcls/all/R@2/x0.5"] != clean["sgcls/all/R@2/x0.5"]


def test_figures_are_named_by_mode():
    empty = SceneGraphMetrics("sgdet", PREDICATES, TRAIN)
    assert figures({"sgdet": empty})["sgdet/all/num_images"] == 0


@pytest.mark.parametrize(("words", "message"), [
    (["--mode", "sgdet"], "mode must be one of predcls, sgcls here, got sgdet"),
    (["--ks", "0"], "ks must be whole numbers >= 1, got [0]"),
])
def test_mistakes_are_told_in_one_line(path, words, message, capsys):
    assert main(["--predictions", str(path), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_told_in_one_line(tmp_path, capsys):
    assert main(["--predictions", str(tmp_path / "none.npz")]) == 2
    assert "none.npz: no such predictions file" in capsys.readouterr().err


def test_either_a_checkpoint_or_predictions_are_wanted(path, capsys):
    for words in ([], ["runs/a", "--predictions", str(path)], ["--predictions", str(path), "--pred-weights", "half"]):
        with pytest.raises(SystemExit, match="2"):
            main(words)
    assert "half" in capsys.readouterr().err
