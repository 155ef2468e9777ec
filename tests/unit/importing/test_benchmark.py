"""Checkpoints of Scene-Graph-Benchmark: what is imported gives the golden numbers of its head, and what does not fit is
named."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from sgg import checkpoint
from sgg.checkpoint.__main__ import main
from sgg.config import validate
from sgg.detector import load_detector
from sgg.detector.model import Detector
from sgg.importing import benchmark
from sgg.importing.published import import_published
from sgg.models.heads.causal.published_names import PUBLISHED as CAUSAL
from sgg.models.heads.motifs.published_names import PUBLISHED as MOTIFS
from sgg.models.heads.penet.published_names import PUBLISHED as PENET
from sgg.models.heads.tcar.published_names import PUBLISHED as TCAR
from sgg.models.heads.transformer import published_names
from sgg.models.heads.transformer.published_names import PUBLISHED as TRANSFORMER
from sgg.models.heads.vctree.published_names import PUBLISHED as VCTREE
from sgg.models.scene_graph import SceneGraphModel
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.systems.two_stage.model import build_model
from tests.benchmark_checkpoint import HEAD, detector_weights, extractor_shapes, random_weights, save
from tests.golden.heads import CLOSE, GoldenHead, with_bias
from tests.plugins import PYRAMID, loaded

BACKBONE, DIM = "small_pyramid", 24
WIDEST = "backbone.body.layer3.1.conv2.weight"
HEADS = {"motifs": ("motifs.npz", MOTIFS, "out.bias.{}.eval."), "transformer": ("transformer.npz", TRANSFORMER,
                                                                               "out.bias.{}.eval."),
         "vctree": ("vctree.npz", VCTREE, "out.{}.eval."), "causal": ("tde.npz", CAUSAL, "out.gate.none.{}.eval."),
         "penet": ("penet.npz", PENET, "out.{}.eval.")}


@pytest.fixture(scope="module", autouse=True)
def small_pyramid(tmp_path_factory) -> Iterator[None]:
    """A backbone that takes the place of the one of 88 million weights."""
    with loaded(tmp_path_factory.mktemp("plugin") / "pyramid.py", PYRAMID):
        yield


@pytest.fixture(autouse=True)
def as_published(monkeypatch) -> None:
    monkeypatch.setattr(benchmark, "BACKBONE", BACKBONE)
    monkeypatch.setattr(benchmark, "WIDEST", WIDEST)
    monkeypatch.setattr(benchmark, "WIDEST_SHAPE", (256, 256, 3, 3))
    monkeypatch.setattr(published_names, "HEADS", 4)  # of the golden model


def head_weights(file: str) -> dict[str, Tensor]:
    arrays = np.load(Path(__file__).parents[2] / "golden" / "files" / file)
    return {HEAD + name[3:]: torch.tensor(arrays[name]) for name in arrays.files if name.startswith("sd.")}


def relation_weights(file: str = "motifs.npz") -> dict[str, Tensor]:
    return random_weights(extractor_shapes(DIM)) | head_weights(file)


def model_of(out: Path, classes: int = 9, predicates: int = 6) -> SceneGraphModel:
    """The model of an imported checkpoint, as an evaluation builds it."""
    found = checkpoint.open_checkpoint(out)
    config = validate(found.meta["config"], "imported")
    detector = Detector(BACKBONE, classes) if config.detector.weights is None else load_detector(
        config.detector.weights)[0]
    words = torch.zeros(classes, config.embeddings.dim), torch.zeros(predicates, config.embeddings.dim)
    experiment = SimpleNamespace(config=config, num_classes=classes, num_predicates=predicates, word_vectors=words,
                                 pair_counts=(np.ones((classes, classes, predicates)), np.ones((classes, classes))))
    model = TwoStageFoundation(experiment, detector, "").build_model()
    found.load_weights(model=model)
    return model


@pytest.mark.parametrize("kind", HEADS)
def test_import_of_each_head_gives_its_golden_numbers(kind: str, tmp_path, capsys) -> None:
    file, published, key = HEADS[kind]
    golden = GoldenHead(file, {})
    path = save(tmp_path / "model_final.pth", relation_weights(file))
    assert main(["import", str(path), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "the detector is not imported: the file has none" in said
    assert all(f"module.{HEAD}{name}" in said for name in published.unused if HEAD + name in relation_weights(file))
    predicates = 14 if kind == "penet" else 6
    model = model_of(tmp_path / "out", predicates=predicates).eval()
    config = validate(checkpoint.open_checkpoint(tmp_path / "out").meta["config"], "imported")
    assert config.model.head.kind == kind
    for mode in ("predcls", "sgcls", "sgdet"):
        given = golden.inputs(mode)
        with torch.no_grad():
            outputs = model.relation_head(given)
            logits = with_bias(outputs, model.frequency_bias, given)
        place = key.format(mode)
        close = CLOSE | ({"atol": 2e-5} if kind == "penet" else {})
        np.testing.assert_allclose(outputs.label_logits, golden[f"{place}obj_dists"], **CLOSE)
        np.testing.assert_allclose(logits, golden[f"{place}rel_dists"], **close)


def test_import_of_a_causal_head_with_separate_boxes(tmp_path, capsys) -> None:
    """Its golden numbers, and the layers of the drawings in their places."""
    golden, place = GoldenHead("tde.npz", {}), "roi_heads.relation.union_feature_extractor.spatial_fc."
    weights = {name: value for name, value in relation_weights("tde.npz").items() if "ctx_gate_fc" not in name}
    weights |= random_weights({f"{place}0.weight": (DIM // 2, 256 * 49), f"{place}0.bias": (DIM // 2,),
                               f"{place}2.weight": (DIM, DIM // 2), f"{place}2.bias": (DIM,)})
    assert main(["import", str(save(tmp_path / "model.pth", weights)), "--out", str(tmp_path / "out")]) == 0
    assert "untreated_conv_spt" not in capsys.readouterr().out
    model, given = model_of(tmp_path / "out").eval(), golden.inputs("predcls")
    assert torch.equal(model.drawing_head.input.weight, weights[f"{place}0.weight"])
    assert torch.equal(model.drawing_head.output.bias, weights[f"{place}2.bias"])
    with torch.no_grad():
        edges = torch.cat([given.edges, golden.tensor("in.spatial_conv_features")], 1)
        outputs = model.relation_head(replace(given, edges=edges))
    np.testing.assert_allclose(outputs.predicate_logits, golden["out.sum.sep.none.predcls.eval.rel_dists"], **CLOSE)


WITHOUT_FILE = [
    (TCAR, {"kind": "tcar", "pooling_dim": 24, "hidden_dim": 16, "key_dim": 4}, lambda value: value[..., None],
     ["context_layer.obj_embed1.weight", "context_layer.obj_embed2.weight"]),
    (CAUSAL, {"kind": "causal", "context": "vctree", "fusion": "sum", "spatial": True, "pooling_dim": 24,
              "hidden_dim": 16}, lambda value: value.reshape(1, -1),
     ["context_layer.decoder_rnn.decoderLSTM.embed_layer.weight", "context_layer.untreated_obj_feat"]),
    (CAUSAL, {"kind": "causal", "context": "vctree", "fusion": "gate", "spatial": False, "pooling_dim": 24,
              "hidden_dim": 16}, lambda value: value.reshape(1, -1), ["avg_post_ctx"])]
"""Heads of which no golden file has the weights: the published names, the settings, how a reshaped weight is published,
and weights of the checkpoint that have no place."""


@pytest.mark.parametrize(("published", "settings", "reshaped", "unused"), WITHOUT_FILE,
                         ids=["tcar", "causal with trees, sum", "causal with trees, gate"])
def test_import_gives_a_fresh_head_its_weights_back(published, settings, reshaped, unused, tmp_path) -> None:
    """They are saved under the published names, and compared with those of the fresh head."""
    config = validate({"data": {"name": "vg"}, "detector": {"backbone": BACKBONE}, "model": {"head": settings},
                       "embeddings": {"dim": 8}})
    words = (torch.randn(9, 8), torch.randn(6, 8)) if config.model.head.needs_words else None
    table = torch.randn(9, 9, 6) if config.model.needs_frequency_table else None
    fresh = build_model(config, Detector(BACKBONE, 9), (9, 6), words, table).relation_head.state_dict()
    theirs = {ours: name for name, ours in published.names(settings).items()}
    weights = random_weights(extractor_shapes(DIM)) | {HEAD + name: torch.zeros(9, 8) for name in unused}
    for name, value in fresh.items():
        prefix = max((ours for ours in theirs if name.startswith(ours)), key=len)
        theirs_of_it = HEAD + theirs[prefix] + name.removeprefix(prefix)
        weights[theirs_of_it] = reshaped(value) if theirs_of_it.endswith(published.reshaped) else value
    assert import_published(save(tmp_path / "model.pth", weights), tmp_path / "out").name == "epoch_0000"
    head = validate(checkpoint.open_checkpoint(tmp_path / "out").meta["config"], "imported").model.head
    assert {key: getattr(head, key) for key in settings if key != "key_dim"} == {
        key: value for key, value in settings.items() if key != "key_dim"}
    found = model_of(tmp_path / "out").relation_head.state_dict()
    assert found.keys() == fresh.keys()
    assert all(torch.equal(found[name], value) for name, value in fresh.items())


def test_import_puts_every_weight_in_its_place(tmp_path, capsys) -> None:
    """With a detector, whose first layer reads colours in the other order."""
    torch.manual_seed(1)
    theirs = detector_weights(Detector(BACKBONE, 9))
    weights = theirs | relation_weights()
    path = save(tmp_path / "model.pth", weights, module="")
    assert main(["import", str(path), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "left out: optimizer (1 tensors)\n" in out
    assert "no parts/, so sgg.predict cannot use this yet" in out
    model, (detector, notes) = model_of(tmp_path / "out"), load_detector(tmp_path / "out" / "detector")
    assert notes["source"] == "model.pth"
    own = detector.rcnn.state_dict()
    assert torch.equal(own["backbone.body.conv1.weight"], theirs["backbone.body.stem.conv1.weight"].flip(1))
    assert torch.equal(own["backbone.fpn.layer_blocks.2.0.bias"], theirs["backbone.fpn.fpn_layer3.bias"])
    assert torch.equal(own["rpn.head.conv.0.0.weight"], theirs["rpn.head.conv.weight"])
    place = "roi_heads.relation."
    for ours, name in (("node_box_head.fc7.bias", "box_feature_extractor.fc7.bias"),
                       ("edge_box_head.fc6.weight", "union_feature_extractor.feature_extractor.fc6.weight"),
                       ("edge_box_head.reduce.weight",
                        "union_feature_extractor.feature_extractor.pooler.reduce_channel.0.weight"),
                       ("regions.box_pairs.conv.6.running_var", "union_feature_extractor.rect_conv.6.running_var"),
                       ("frequency_bias.table.weight", "predictor.freq_bias.obj_baseline.weight")):
        assert torch.equal(model.state_dict()[ours], weights[place + name])
    config = validate(checkpoint.open_checkpoint(tmp_path / "out").meta["config"], "imported").model
    assert (config.edge_boxes, config.box_strides, config.frequency_bias) == ("image_cells", "intended", "add")
    assert (config.head.hidden_dim, config.head.pooling_dim) == (16, 24)


def test_import_of_a_detector_alone(tmp_path) -> None:
    path = save(tmp_path / "detector.pth", detector_weights(Detector(BACKBONE, 9)))
    assert import_published(path, tmp_path / "out") == tmp_path / "out" / "detector"
    assert load_detector(tmp_path / "out" / "detector")[0].num_classes == 9


def faults_of(weights: dict[str, Tensor], tmp_path: Path) -> str:
    path = save(tmp_path / "broken.pth", weights)
    with pytest.raises(ValueError, match=r"broken\.pth") as raised:
        import_published(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return str(raised.value)


@pytest.mark.parametrize(("name", "shape"), [
    ("post_cat.bias", (7,)), ("context_layer.lin_obj_h.weight", (5,)), ("rel_compress.weight", ()),
    ("context_layer.obj_ctx_rnn.weight_hh_l0", (64, 15)), ("freq_bias.obj_baseline.weight", (80, 6)),
    ("context_layer.obj_embed1.weight", (9, 8, 1))])
def test_import_names_a_weight_of_a_wrong_shape(name: str, shape: tuple[int, ...], tmp_path) -> None:
    said = faults_of(relation_weights() | {HEAD + name: torch.zeros(shape)}, tmp_path)
    assert f"{HEAD}{name} has shape {list(shape)}" in said


def test_import_names_what_is_missing_and_what_is_too_much(tmp_path) -> None:
    weights = relation_weights()
    del weights["roi_heads.relation.box_feature_extractor.fc7.bias"]
    del weights[f"{HEAD}post_emb.bias"]
    weights[f"{HEAD}post_emb.scale"] = torch.zeros(1)
    said = faults_of(weights, tmp_path)
    assert "missing node_box_head.fc7.bias (roi_heads.relation.box_feature_extractor.fc7.bias)" in said
    assert f"missing relation_head.pairs.roles.bias ({HEAD}post_emb.bias)" in said
    assert f"unexpected module.{HEAD}post_emb.scale" in said


def test_import_names_a_detector_that_does_not_fit(tmp_path) -> None:
    weights = detector_weights(Detector(BACKBONE, 9)) | relation_weights()
    weights["backbone.fpn.fpn_inner2.bias"] = torch.zeros(3)
    assert "module.backbone.fpn.fpn_inner2.bias has shape [3], expected [256]" in faults_of(weights, tmp_path)
    weights["backbone.fpn.fpn_inner2.bias"] = torch.zeros(256)
    weights["rpn.anchor_generator.cell_anchors.1"] += 1
    assert "rpn.anchor_generator.cell_anchors.1 are other anchors" in faults_of(weights, tmp_path)


def test_import_leaves_another_detector_out_and_says_so(tmp_path) -> None:
    said: list[str] = []
    weights = detector_weights(Detector(BACKBONE, 9)) | relation_weights()
    weights[WIDEST] = torch.zeros(256, 128, 3, 3)
    import_published(save(tmp_path / "other.pth", weights), tmp_path / "out", say=said.append)
    left, why = said
    assert f"module.{WIDEST}" in left
    assert f"whose {WIDEST} has shape [256, 256, 3, 3]; here it has [256, 128, 3, 3]" in why
    assert not (tmp_path / "out" / "detector").exists()
    assert validate(checkpoint.open_checkpoint(tmp_path / "out").meta["config"], "it").detector.weights is None


def test_import_refuses_what_no_head_here_is(tmp_path) -> None:
    weights = random_weights(extractor_shapes(DIM)) | {f"{HEAD}rel_fc.weight": torch.zeros(6, 24)}
    assert "a relation head that is none of causal, motifs, penet, tcar, transformer, vctree" in faults_of(
        weights, tmp_path)
    weights = relation_weights() | {"roi_heads.relation.union_feature_extractor.spatial_fc.0.weight": torch.zeros(1)}
    assert "(SEPARATE_SPATIAL), which of the heads here only causal can, but its head is motifs" in faults_of(
        weights, tmp_path)
    detector = detector_weights(Detector(BACKBONE, 9)) | {WIDEST: torch.zeros(1, 1, 3, 3)}
    assert "holds a detector alone, and it is not ResNeXt-101" in faults_of(detector, tmp_path)


def test_import_refuses_a_choice_of_drawing(tmp_path, capsys) -> None:
    path = save(tmp_path / "model.pth", relation_weights())
    assert main(["import", str(path), "--out", str(tmp_path / "out"), "--edge-boxes", "union_frame"]) == 2
    assert "leave out --edge-boxes and --try-both" in capsys.readouterr().err
