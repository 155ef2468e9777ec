"""Bringing published weights into our format: what does not fit is named, what is in the way is left alone."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg import checkpoint
from sgg.checkpoint.__main__ import main
from sgg.data import open_dataset
from sgg.evaluate.__main__ import main as evaluate
from sgg.importing.published import Architecture, import_published
from sgg.methods.plugins import loaded_digests
from sgg.models.published import SCENE_GRAPH
from sgg.predict import GivenBoxes, Predictor
from tests.plugins import DATA_SET, no_plugin_stays

KEYS = json.loads((Path(__file__).parents[2] / "golden" / "files" / "checkpoint_keys.json").read_text())
MODEL = "RelModelStanford.vgg16.use_bias=True.edge_model=motifs"
GAN = "GAN.n_ch=512.fmap_sz=38.largeD=True.vis_cond=True"
MOTIFS = {"features.0.weight": [64, 3, 3, 3], "roi_fmap.0.weight": [4096, 25088], "score_fc.weight": [151, 4096]}
SHAPES = ([], [0], [5], [5, 0], [0, 5], [7, 5], [5, 4096], [2, 3, 4], [3, 200, 1, 1], [1, 1, 1, 1], [2, 1, 1, 1, 1])
DECISIVE = ("obj_fc.weight", "rel_fc.weight", "G_proj.weight", "G_node.2.weight", "freq_bias.obj_baseline.weight")


def expanded(shape: list[int]) -> torch.Tensor:
    """A tensor of that shape that takes no memory: one number, seen many times."""
    return torch.zeros(()).expand(shape)


def published(entry: str) -> dict[str, torch.Tensor]:
    return {name: expanded(facts["shape"]) for name, facts in KEYS[entry]["state_dict"].items()}


def spoilt() -> list[tuple[str, list[int]]]:
    """Every name that decides the architecture in every shape, twenty others in one each."""
    dice = random.Random(0)
    names = sorted({*KEYS[MODEL]["state_dict"], *KEYS[GAN]["state_dict"]} - {*DECISIVE})
    return [(name, shape) for name in DECISIVE for shape in SHAPES] + [
        (name, dice.choice(SHAPES)) for name in dice.sample(names, 20)]


def test_import_published_names_a_weight_of_another_shape(tmp_path) -> None:
    path, out = tmp_path / "vgrel.pth", tmp_path / "out"
    for name, shape in spoilt():
        weights = {"state_dict": published(MODEL), "gan": published(GAN)}
        part = next(part for part in weights.values() if name in part)
        part[name] = expanded(shape)
        torch.save(weights, path)
        with pytest.raises(ValueError, match=r"vgrel\.pth does not fit the model:\n") as raised:
            import_published(path, out)
        # Another number of classes makes every other weight the odd one.
        assert f"{name} has shape {shape}, expected" in str(raised.value) or name in DECISIVE, (name, shape)
        assert " has shape " in str(raised.value)
    assert not out.exists()


@pytest.mark.parametrize("shape", [[], [5], [0, 4096], [5, 5, 5]])
def test_import_published_names_a_detector_of_another_shape(shape, tmp_path) -> None:
    weights = {name: expanded(shape) for name, shape in MOTIFS.items()} | {"score_fc.weight": expanded(shape)}
    torch.save({"state_dict": weights}, tmp_path / "m.tar")
    with pytest.raises(ValueError, match=r"m\.tar does not fit the model:\n  score_fc\.weight has shape \["):
        import_published(tmp_path / "m.tar", tmp_path / "out")


def small(monkeypatch, path: Path, classes: int, predicates: int) -> Path:
    """A published model of the tiny backbone, which nobody has published: full-size ones take a minute each."""
    architecture = Architecture("tiny", classes, predicates, hidden_dim=8)
    monkeypatch.setattr(Architecture, "of", classmethod(lambda *_: architecture))
    model, back = architecture.build(), {ours: theirs for theirs, ours in SCENE_GRAPH.items()}
    weights = {f"detector.{name}": value for name, value in model.detector.rcnn.state_dict().items()}
    for name, value in model.scene_graph.state_dict().items():
        ours = next(prefix for prefix in back if name.startswith(prefix))
        weights[back[ours] + name.removeprefix(ours)] = value
    torch.save({"state_dict": weights, "epoch": 19}, path)
    return path


@pytest.mark.parametrize(("classes", "predicates", "options", "name", "excluded"), [
    (151, 51, [], "vg", False), (1704, 311, [], "gqa", False), (1704, 309, [], "gqa", True),
    (201, 101, [], "vtranse", False), (7, 4, [], "vg", False), (7, 4, ["--data", "custom"], "custom", False)])
def test_import_names_the_data_of_a_model(monkeypatch, tmp_path, classes, predicates, options, name, excluded) -> None:
    path = small(monkeypatch, tmp_path / "vgrel.pth", classes, predicates)
    assert main(["import", str(path), "--out", str(tmp_path / "out"), *options]) == 0
    meta = checkpoint.open_checkpoint(tmp_path / "out").meta
    assert (meta["data"]["name"], meta["config"]["data"]["name"]) == (name, name)
    assert meta["config"]["data"].get("exclude_left_right", False) is excluded


def test_import_of_a_model_of_other_data_can_be_evaluated(monkeypatch, tmp_path, capsys) -> None:
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path / "data")
    data = open_dataset("custom", tmp_path / "data")
    path = small(monkeypatch, tmp_path / "vgrel.pth", len(data.classes), len(data.predicates))
    assert main(["import", str(path), "--out", str(tmp_path / "out"), "--data", "custom"]) == 0
    assert evaluate(["--root", str(tmp_path / "data"), "--device", "cpu", str(tmp_path / "out")]) == 0
    assert f"test: {data.title}" in capsys.readouterr().out


def test_import_writes_what_predictions_need(monkeypatch, tmp_path, capsys) -> None:
    """Names and detector, where the data set is at hand; a prediction then needs it no more."""
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path / "data")
    data = open_dataset("custom", tmp_path / "data")
    path = small(monkeypatch, tmp_path / "vgrel.pth", len(data.classes), len(data.predicates))
    words = ["import", str(path), "--out", str(tmp_path / "out"), "--data", "custom"]
    assert main([*words, "--root", str(tmp_path / "nowhere")]) == 0
    assert "no parts/, so sgg.predict cannot use this yet" in capsys.readouterr().out
    assert not (tmp_path / "out" / "parts").exists()
    for _ in range(2):  # it replaces an earlier import
        assert main([*words, "--root", str(tmp_path / "data")]) == 0
        assert "no parts/" not in capsys.readouterr().out
    shutil.rmtree(tmp_path / "data")
    predictor = Predictor(tmp_path / "out", "cpu")
    assert predictor.classes == tuple(data.classes)
    (graph,) = predictor(np.zeros((60, 80, 3), np.uint8), [GivenBoxes(np.array([[1.0, 2, 30, 40], [20, 10, 60, 50]]))])
    assert len(graph.labels) == 2


def test_import_says_that_the_data_are_of_another_model(monkeypatch, tmp_path, capsys) -> None:
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path / "data")
    path = small(monkeypatch, tmp_path / "vgrel.pth", 7, 4)
    assert main(["import", str(path), "--out", str(tmp_path / "out"), "--data", "custom", "--root",
                 str(tmp_path / "data")]) == 0
    assert "predicates, the model knows 6 and 3" in capsys.readouterr().out


def test_main_imports_a_model_of_a_plugins_data_set(monkeypatch, tmp_path, capsys) -> None:
    """The checkpoint names the plugin, and an evaluation asks for it."""
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path / "data")
    (tmp_path / "drawn.py").write_text(DATA_SET)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    data = open_dataset("custom", tmp_path / "data")
    path = small(monkeypatch, tmp_path / "vgrel.pth", len(data.classes), len(data.predicates))
    words = ["import", str(path), "--out", str(tmp_path / "out"), "--data", "drawn"]
    with no_plugin_stays():
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert main([*words, "--plugin", str(tmp_path / "broken.py")]) == 2
        assert "broken.py:1: ModuleNotFoundError" in capsys.readouterr().err
        assert main([*words, "--try-both", "1", "--root", str(tmp_path / "data"), "--device", "cpu",
                     "--plugin", str(tmp_path / "drawn.py")]) == 0
        assert "validation images of drawings" in capsys.readouterr().out
        meta = checkpoint.open_checkpoint(tmp_path / "out").meta
        assert (meta["data"]["name"], meta["plugins"]) == ("drawn", loaded_digests())
    assert evaluate(["--root", str(tmp_path / "data"), "--device", "cpu", str(tmp_path / "out")]) == 2
    assert "it needs the plugin drawn.py" in capsys.readouterr().err


@pytest.mark.parametrize("epoch", [-3, True, 1.5, "19", 10**7])
def test_import_published_refuses_a_wrong_epoch(epoch, tmp_path) -> None:
    torch.save({"state_dict": published(MODEL), "epoch": epoch}, tmp_path / "vgrel.pth")
    with pytest.raises(ValueError, match=rf"vgrel\.pth: 'epoch' must be a whole number .*, got '?{epoch}"):
        import_published(tmp_path / "vgrel.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_import_published_names_what_is_missing_in_other_weights(tmp_path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth has no obj_fc\.weight: it is neither Neural Motifs' detector nor"):
        import_published(tmp_path / "a.pth", tmp_path / "out")


@pytest.mark.parametrize("entry", ["thesis.tex", "detector/thesis.tex", "checkpoints/epoch_0019/thesis.tex"])
def test_import_published_keeps_a_folder_of_other_files(entry, tmp_path, capsys) -> None:
    """Refused before the published file, which is not even there, is looked for."""
    (tmp_path / "out" / entry).parent.mkdir(parents=True)
    (tmp_path / "out" / entry).write_text("years of work")
    assert main(["import", "absent.pth", "--out", str(tmp_path / "out")]) == 2
    assert "holds other files (" in capsys.readouterr().err
    assert (tmp_path / "out" / entry).read_text() == "years of work"


def test_import_published_keeps_the_folder_of_a_trial(tmp_path, capsys) -> None:
    checkpoint.save(tmp_path, 19, {"model": torch.nn.Linear(1, 1)}, {}, {})
    assert main(["import", "absent.pth", "--out", str(tmp_path)]) == 2
    assert "holds other files (checkpoints)" in capsys.readouterr().err


def test_import_published_replaces_an_earlier_import(tmp_path, capsys) -> None:
    checkpoint.save(tmp_path, 19, {"model": torch.nn.Linear(1, 1)}, {}, {"source": "vgrel.pth"})
    (tmp_path / "detector").mkdir()
    assert main(["import", "absent.pth", "--out", str(tmp_path)]) == 2
    assert "absent.pth is missing" in capsys.readouterr().err
