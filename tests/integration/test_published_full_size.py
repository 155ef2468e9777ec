"""Full-size checkpoints of random numbers in the published layout: loaded, imported, and an image run through."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sgg import checkpoint
from sgg.checkpoint.__main__ import main
from sgg.checkpoint.published import load_published
from sgg.common.published_files import read_published
from sgg.common.weights import require_fitting
from sgg.config import validate
from sgg.detector import load_detector
from sgg.detector.backbones.resnext101.anchors import PyramidAnchors
from sgg.detector.model import Detector
from sgg.importing.published import Architecture
from sgg.methods.augmentation import AugmentationParts
from sgg.structures import Batch
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.systems.two_stage.model import build_model
from sgg.systems.two_stage.predictor import TwoStagePredictor
from tests.benchmark_checkpoint import HEAD, extractor_shapes, name_of_detector, save
from tests.benchmark_checkpoint import random_weights as random_weights_of
from tests.benchmark_heads import FORMULAS, PAPER, Sizes

# Files of up to 240 million weights are written, read and imported.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("every_core")]

KEYS = json.loads((Path(__file__).parents[1] / "golden" / "files" / "checkpoint_keys.json").read_text())


def random_weights(entry: str, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Random weights of the golden names and shapes. All of them are views of one stretch of numbers, each from its own
    place, so that the file is a third of the true size.
    """
    facts = KEYS[entry]["state_dict"]
    sizes = {name: torch.Size(fact["shape"]).numel() for name, fact in facts.items()}
    numbers = torch.empty(max(sizes.values()) + len(sizes)).normal_(0, 0.02, generator=generator)
    weights = {}
    for start, (name, size) in enumerate(sizes.items()):
        value = numbers[start:start + size].view(facts[name]["shape"])
        if name.endswith("running_var"):
            value = value.abs() + 0.5
        weights[name] = value.to(getattr(torch, facts[name]["dtype"]))
    return weights


def one_image() -> Batch:
    return Batch((torch.rand(3, 80, 80, generator=torch.Generator().manual_seed(0)),), torch.tensor([[60, 80]]),
                 torch.tensor([[5.0, 5, 40, 50], [30, 10, 70, 55], [8, 30, 30, 58]]), torch.tensor([3, 7, 12]),
                 torch.tensor([0, 0, 0]), torch.tensor([[0, 0, 1, 4]]), ("1",))


def check_prediction(scene_graph, detector) -> dict:
    predictor = TwoStagePredictor(scene_graph, detector)
    with predictor.evaluating():
        predictions = predictor.predict(one_image(), ["sgcls", "predcls"]).predictions
    for (one,) in predictions.values():
        assert one.predicate_scores.shape == (6, 51)
        assert torch.isfinite(one.predicate_scores).all()
        torch.testing.assert_close(one.predicate_scores.sum(1), torch.ones(6))
    return predictions


def test_vgg16_through_an_image(tmp_path) -> None:
    weights = random_weights("RelModelStanford.vgg16.use_bias=True.edge_model=motifs", torch.Generator().manual_seed(1))
    path = tmp_path / "vgrel.pth"
    torch.save({"state_dict": weights, "optimizer": {}, "epoch": 19, "global_batch_iter": 48100}, path)
    model = Architecture.of(read_published(path)).build()
    load_published(path, model)
    for name, value in (("backbone.28.weight", "detector.backbone.28.weight"),
                        ("roi_heads.box_head.fc6.weight", "detector.roi_heads.box_head.fc6.weight")):
        assert torch.equal(model.detector.rcnn.state_dict()[name], weights[value])
    assert torch.equal(model.scene_graph.edge_box_head.fc6.weight, weights["roi_fmap.1.0.weight"])
    assert torch.equal(model.scene_graph.node_box_head.fc7.bias, weights["roi_fmap_obj.3.bias"])
    assert torch.equal(model.scene_graph.frequency_bias.table.weight, weights["freq_bias.obj_baseline.weight"])
    check_prediction(model.scene_graph, model.detector)


def test_resnet50_with_gan_is_imported(tmp_path, capsys) -> None:
    """The command writes what a foundation builds: the same image gives the same answer from both."""
    generator = torch.Generator().manual_seed(2)
    weights = random_weights("RelModelStanford.resnet50.use_bias=False.edge_model=motifs", generator)
    gan = random_weights("GAN.n_ch=256.fmap_sz=21.largeD=True.vis_cond=True", generator)
    path, out = tmp_path / "vgrel.pth", tmp_path / "imported"
    torch.save({"state_dict": weights, "gan": gan, "epoch": 19, "G_optimizer": {}, "D_optimizer": {}}, path)
    assert main(["import", str(path), "--out", str(out)]) == 0
    assert str(checkpoint.path_of(out, 19)) in capsys.readouterr().out
    expected = Architecture.of(read_published(path)).build()
    load_published(path, expected)

    found = checkpoint.open_checkpoint(out)
    config = validate(found.meta["config"], "imported")
    detector, facts = load_detector(config.detector.weights)
    assert found.meta["detector"] == facts["hash"]
    experiment = SimpleNamespace(config=config, num_classes=151, num_predicates=51)
    foundation = TwoStageFoundation(experiment, detector, facts["hash"])
    model = foundation.build_model()
    found.load_weights(model=model)
    parts = AugmentationParts(detector.channels, detector.map_size, experiment, device=torch.device("cpu"))
    networks = foundation.augmentation.build(parts).networks["gan"]
    found.load_weights(gan=networks)  # all three stages of the global discriminator on this map of 21
    assert torch.equal(networks.discriminators["global"].layers[15].weight_orig, gan["D_global.15.weight_orig"])
    for one in (detector, expected.detector):  # the weights are at full size; an image of 1,333 pixels takes minutes
        one.rcnn.transform.min_size, one.rcnn.transform.max_size = (320,), 320
    ours, theirs = check_prediction(model, detector), check_prediction(expected.scene_graph, expected.detector)
    for mode, (one,) in ours.items():
        torch.testing.assert_close(one.predicate_scores, theirs[mode][0].predicate_scores)

    path.write_bytes(path.read_bytes()[:100_000])
    assert main(["import", str(path), "--out", str(tmp_path / "cut")]) == 2
    assert "vgrel.pth is not a file of torch weights" in capsys.readouterr().err
    assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize("kind", FORMULAS)
def test_scene_graph_benchmark_is_imported(kind: str, tmp_path, capsys) -> None:
    """Each head at full size; with Motifs also the detector of 88 million weights and its box head. The formulas of
    names and shapes give those of the golden files, at the sizes of these."""
    golden = np.load(Path(__file__).parents[1] / "golden" / "files" / f"{kind}.npz")
    assert FORMULAS[kind](Sizes()) == {name[3:]: golden[name].shape for name in golden.files if name.startswith("sd.")}
    shapes = {HEAD + name: shape for name, shape in FORMULAS[kind](
        replace(PAPER, hidden=1024) if kind == "vctree" else PAPER).items()} | extractor_shapes(4096)
    has_detector, anchors = kind == "motifs", {}
    if has_detector:
        with torch.device("meta"):
            detector = Detector("resnext101", 151)
        shapes |= {name_of_detector(name): tuple(value.shape) for name, value in detector.rcnn.state_dict().items()}
        anchors = {f"rpn.anchor_generator.cell_anchors.{level}": one - torch.tensor([0.0, 0, 1, 1])
                   for level, one in enumerate(PyramidAnchors().cell_anchors)}
    weights = random_weights_of(shapes)
    path, out = save(tmp_path / "model_0016000.pth", weights | anchors), tmp_path / "imported"
    assert main(["import", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    twice = [name for name in shapes if "decoderLSTM.embed" in name]
    assert f"left out: {', '.join([*(f'module.{name}' for name in twice), 'optimizer (1 tensors)'])}" in said
    assert ("the detector is not imported: the file has none" in said) is not has_detector

    found = checkpoint.open_checkpoint(out)
    config = validate(found.meta["config"], "imported")
    assert config.model.head.kind == kind
    assert config.model.head.hidden_dim == (1024 if kind == "vctree" else 512)
    assert (config.model.head.pooling_dim, config.embeddings.dim) == (4096, 200)
    with torch.device("meta"):
        words = torch.zeros(151, 200), torch.zeros(51, 200)
        model = build_model(config, Detector("resnext101", 151), (151, 51), words, torch.zeros(151, 151, 51))
    own = load_file(found.path / "weights.safetensors")
    require_fitting(model, {name.removeprefix("model."): value for name, value in own.items()}, "the import")
    assert torch.equal(own["model.edge_box_head.fc6.bias"],
                       weights["roi_heads.relation.union_feature_extractor.feature_extractor.fc6.bias"])
    assert torch.equal(own["model.frequency_bias.table.weight"], weights[f"{HEAD}freq_bias.obj_baseline.weight"])
    if has_detector:
        detector, _ = load_detector(config.detector.weights)
        assert torch.equal(detector.rcnn.state_dict()["backbone.body.layer3.22.conv2.weight"],
                           weights["backbone.body.layer3.22.conv2.weight"])
