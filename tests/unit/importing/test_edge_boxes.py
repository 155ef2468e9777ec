"""Which drawing of box pairs an imported model gets: the default of its data, what is asked for, or the better one."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from sgg import checkpoint
from sgg.checkpoint.__main__ import main
from sgg.checkpoint.full_model import FullModel
from sgg.data import load_batches, open_dataset
from sgg.evaluate.__main__ import main as evaluate_command
from sgg.evaluate.evaluation import evaluate
from sgg.importing.edge_boxes import METRIC
from sgg.importing.published import Architecture
from sgg.metrics import SceneGraphMetrics
from sgg.models.published import SCENE_GRAPH
from sgg.systems.two_stage.predictor import TwoStagePredictor

KINDS = ("union_frame", "image_frame")


@pytest.fixture
def root(tmp_path) -> Path:
    shutil.copytree(Path(__file__).parents[2] / "example", tmp_path / "data")
    return tmp_path / "data"


class Published:
    """A model for the example data, of the tiny backbone, and its file in the published layout."""

    def __init__(self, path: Path, root: Path):
        self.path, self.data = path, open_dataset("custom", root)
        self.architecture = Architecture("tiny", len(self.data.classes), len(self.data.predicates), hidden_dim=8)

    def build(self, seed: int = 0) -> FullModel:
        """Random weights; what they make of a pair depends on the drawing of its boxes more than usual."""
        torch.manual_seed(seed)
        model = self.architecture.build()
        scene_graph = model.scene_graph.eval()
        for layer in (*scene_graph.regions.box_pairs.conv, scene_graph.relation_head.edge_input,
                      scene_graph.relation_head.classify_edges):
            if hasattr(layer, "weight") and not isinstance(layer, torch.nn.BatchNorm2d):
                layer.weight.data *= 10
        return model

    def write(self, model: FullModel) -> None:
        """Write it in the published layout."""
        back = {ours: theirs for theirs, ours in SCENE_GRAPH.items()}
        weights = {f"detector.{name}": value for name, value in model.detector.rcnn.state_dict().items()}
        for name, value in model.scene_graph.state_dict().items():
            ours = next(prefix for prefix in back if name.startswith(prefix))
            weights[back[ours] + name.removeprefix(ours)] = value
        moments = {"state": {0: {"momentum_buffer": torch.ones(2)}}}
        torch.save({"state_dict": weights, "epoch": 19, "optimizer": moments}, self.path)

    def write_better(self, kind: str) -> None:
        """Weights that are better on the validation images with this drawing."""
        batches = list(load_batches(self.data.split("val"), 2).epoch(0))
        counts = self.data.triplets("train").as_dict(), self.data.seen("val").as_dict()
        for seed in range(200):
            model, found = self.build(seed), {}
            for each in KINDS:
                model.scene_graph.regions.box_pairs.kind = each
                metrics = {"predcls": SceneGraphMetrics("predcls", len(self.data.predicates), *counts, ks=(20,))}
                found[each] = evaluate(TwoStagePredictor(model.scene_graph, model.detector), batches, metrics)[METRIC]
            if max(found, key=found.get) == kind and found["union_frame"] != found["image_frame"]:
                return self.write(model)
        pytest.fail("no weights tell the drawings apart")


@pytest.fixture
def published(monkeypatch, tmp_path, root) -> Published:
    made = Published(tmp_path / "vgrel.pth", root)
    monkeypatch.setattr(Architecture, "of", classmethod(lambda *_: made.architecture))
    made.write(made.build())
    return made


def drawing_of(out: Path) -> str:
    return checkpoint.open_checkpoint(out).meta["config"]["model"]["edge_boxes"]


@pytest.mark.parametrize(("name", "drawing"), [("vg", "union_frame"), ("custom", "union_frame"),
                                               ("vtranse", "union_frame"), ("gqa", "image_frame")])
def test_import_uses_the_drawing_of_the_data_by_default(published, tmp_path, capsys, name, drawing) -> None:
    assert main(["import", str(published.path), "--out", str(tmp_path / "out"), "--data", name]) == 0
    assert drawing_of(tmp_path / "out") == drawing
    said = capsys.readouterr().out
    assert f"model.edge_boxes: {drawing}" in said
    assert all(word in said for word in ("weights do not tell", "--try-both", "--edge-boxes"))
    assert "left out: optimizer (1 tensors)" in said


@pytest.mark.parametrize("better", KINDS)
def test_edge_boxes_comparison_takes_the_better_drawing(published, root, tmp_path, capsys, better) -> None:
    """The figures are those that `sgg.evaluate` finds for an import with each drawing."""
    published.write_better(better)
    importing, figures = ["import", str(published.path), "--data", "custom"], {}
    for kind in KINDS:
        out, found = tmp_path / kind, tmp_path / f"{kind}.json"
        assert main([*importing, "--out", str(out), "--edge-boxes", kind]) == 0
        assert drawing_of(out) == kind
        assert evaluate_command([str(out), "--root", str(root), "--device", "cpu", "--split", "val", "--images", "2",
                         "--ks", "20", "--json", str(found)]) == 0
        figures[kind] = json.loads(found.read_text())["figures"]
    (worse,) = set(KINDS) - {better}
    assert figures[better][f"val/{METRIC}"] > figures[worse][f"val/{METRIC}"]
    capsys.readouterr()

    both = [*importing, "--try-both", "2", "--root", str(root), "--device", "cpu"]
    assert main([*both, "--out", str(tmp_path / "better")]) == 0
    assert drawing_of(tmp_path / "better") == better
    said = capsys.readouterr().out
    assert "first 2 validation images" in said
    assert f"{better} is better than {worse} by {METRIC}" in said
    for kind in KINDS:
        line = next(line for line in said.splitlines() if line.strip().startswith(f"{kind} ") and METRIC in line)
        for name, value in re.findall(r"(\S+/\S+) ([\d.]+)", line):
            assert float(value) == pytest.approx(100 * figures[kind][f"val/{name}"], abs=0.005)

    former = {"union_frame": "motifs", "image_frame": "raw_boxes"}[worse]
    assert main([*both, "--out", str(tmp_path / "asked"), "--edge-boxes", former]) == 0
    assert drawing_of(tmp_path / "asked") == worse
    said = capsys.readouterr()
    assert f"{worse}, as asked for, though {better} is better" in said.out
    assert f"--edge-boxes {former} is called {worse} now" in said.err


def test_edge_boxes_comparison_names_data_that_the_model_was_not_trained_on(published, root, tmp_path, capsys) -> None:
    annotations = root / "custom" / "annotations.json"
    content = json.loads(annotations.read_text())
    content["predicates"].append({"id": 99, "name": "a predicate more"})
    annotations.write_text(json.dumps(content))
    arguments = ["import", str(published.path), "--out", str(tmp_path / "out"), "--data", "custom",
                 "--try-both", "2"]
    assert main([*arguments, "--root", str(root)]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in ("--try-both", "predicates", "--data"))
    assert main([*arguments, "--root", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [["--edge-boxes", "union_frame"], ["--try-both", "2"]])
def test_import_refuses_a_drawing_for_a_detector(monkeypatch, tmp_path, capsys, option) -> None:
    monkeypatch.setattr(Architecture, "of", classmethod(lambda *_: Architecture("tiny", 5, 0)))
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "m.tar")
    assert main(["import", str(tmp_path / "m.tar"), "--out", str(tmp_path / "out"), *option]) == 2
    assert "holds only a detector" in capsys.readouterr().err
