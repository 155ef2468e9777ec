"""IMP+ (docs/SYSTEM.md section 2) against the reference: forward, gradients in training, whole forward from a map."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.npyio import NpzFile
from torch import nn

from sgg.models.box_head import BoxHead
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.published import rename_scene_graph
from sgg.models.ranking import rank
from sgg.models.roi_features import RoIFeatures
from sgg.models.sampling import all_pairs, overlapping
from sgg.models.scene_graph import SceneGraphModel, most_likely_labels

FILES = Path(__file__).parent / "files"
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def build(golden: NpzFile, box_kind: str, bias_mode: str = "off") -> SceneGraphModel:
    """The small model of the golden files: 16 channels, hidden 32, 12 classes, 8 predicates."""
    state = {key[3:]: torch.tensor(golden[key]) for key in golden.files if key.startswith("sd.")}
    vgg = "roi_fmap.1.0.weight" in state
    weights = {rename_scene_graph(name): value for name, value in state.items()}
    bias = None
    if bias_mode == "off":
        weights.pop("frequency_bias.table.weight", None)
    else:
        bias = FrequencyBias(torch.zeros(12, 12, 8))
    model = SceneGraphModel(
        RoIFeatures(16, 1 / 16, box_kind=box_kind),
        BoxHead(16 * 49, 24, dropout=0.5 if vgg else 0, final_relu=True),
        BoxHead(16 * 49, 24, dropout=0.5 if vgg else 0, final_relu=not vgg),
        MessagePassing(24, 32, 12, 8), bias, bias_mode)
    model.load_state_dict(weights)
    return model.eval()


def tensors(golden: NpzFile, *names: str) -> list[torch.Tensor]:
    return [torch.tensor(golden[name]) for name in names]


@pytest.fixture(params=[("imp_vgg16_motifs", "union_frame"), ("imp_resnet50_raw_boxes", "image_frame")])
def backbone(request) -> tuple[NpzFile, SceneGraphModel]:
    name, box_kind = request.param
    golden = np.load(FILES / f"{name}.npz")
    return golden, build(golden, box_kind)


@pytest.fixture
def inputs() -> NpzFile:
    return np.load(FILES / "imp_inputs.npz")


def test_forward(backbone, inputs) -> None:
    golden, model = backbone
    rois, triples, sizes, nodes, edges = tensors(inputs, "rois", "rel_inds", "im_sizes", "node_feat", "edge_feat")
    boxes, images, pairs = rois[:, 1:], rois[:, 0].long(), triples[:, 1:]
    with torch.no_grad():
        embedded = model.regions.embed_boxes(boxes, pairs, sizes[images[pairs[:, 0]]])
        node_input = model.relation_head.node_input(model.node_box_head(nodes))
        edge_input = model.relation_head.edge_input(model.edge_box_head(edges + embedded))
        states = model.relation_head.propagate(node_input, edge_input.relu(), pairs)
        logits = model.classify(nodes, edges, boxes, images, pairs, sizes)
        one_pair = model.classify(nodes[:2], edges[:1], boxes[:2], images[:2], pairs[:1], sizes)
    found = {"union_conv": embedded, "obj_unary": node_input, "edge_unary_prerelu": edge_input, "mp_node": states[0],
             "mp_edge": states[1], "obj_dists": logits.label_logits, "rel_dists": logits.predicate_logits}
    for name, value in found.items():
        np.testing.assert_allclose(value.numpy(), golden[f"out.eval.{name}"], **CLOSE, err_msg=name)
    np.testing.assert_allclose(one_pair.label_logits.numpy(), golden["out.onepair.obj_dists"], **CLOSE)
    np.testing.assert_allclose(one_pair.predicate_logits.numpy(), golden["out.onepair.rel_dists"], **CLOSE)


def test_training_forward(backbone, inputs) -> None:
    """BatchNorm in training mode, dropout off: outputs, statistics after the call, and every gradient's norm."""
    golden, model = backbone
    rois, triples, sizes, nodes, edges = tensors(inputs, "rois", "rel_inds", "im_sizes", "node_feat", "edge_feat")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
    nodes.requires_grad_()
    edges.requires_grad_()
    outputs = model.classify(nodes, edges, rois[:, 1:], rois[:, 0].long(), triples[:, 1:], sizes)
    node_logits, edge_logits = outputs.label_logits, outputs.predicate_logits
    for_nodes, for_edges = tensors(inputs, "cot_obj", "cot_rel")
    ((node_logits * for_nodes).sum() + (edge_logits * for_edges).sum()).backward()
    np.testing.assert_allclose(node_logits.detach(), golden["out.bntrain.obj_dists"], **CLOSE)
    np.testing.assert_allclose(edge_logits.detach(), golden["out.bntrain.rel_dists"], **CLOSE)
    np.testing.assert_allclose(nodes.grad, golden["out.bntrain.grad_node_feat"], **CLOSE)
    np.testing.assert_allclose(edges.grad, golden["out.bntrain.grad_edge_feat"], **CLOSE)
    state, parameters = model.state_dict(), dict(model.named_parameters())
    compared = 0
    for key in golden.files:
        if key.startswith("out.bntrain.after."):
            name = rename_scene_graph(key.removeprefix("out.bntrain.after."))
            np.testing.assert_allclose(state[name], golden[key], **CLOSE, err_msg=name)
            compared += 1
        elif key.startswith("out.bntrain.gradnorm."):
            name = rename_scene_graph(key.removeprefix("out.bntrain.gradnorm."))
            np.testing.assert_allclose(parameters[name].grad.norm(), golden[key], **CLOSE, err_msg=name)
            compared += 1
    assert compared == 6 + len(parameters)


@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
@pytest.mark.parametrize(("bias_mode", "key"), [("off", "bias0.testbias0"), ("add", "bias1.testbias0"),
                                                ("only", "bias1.testbias1")])
def test_scene_graph_model_from_map_to_ranked_pairs(mode: str, bias_mode: str, key: str) -> None:
    golden = np.load(FILES / "imp_forward.npz")
    model = build(golden, "union_frame", bias_mode)
    feature_map, boxes, image_boxes = tensors(golden, "fmap", "boxes", "boxes_org")
    size, truth = tensors(golden, "im_size", "gt_classes")
    images = torch.zeros(len(boxes), dtype=torch.long)
    pairs = all_pairs(images)
    if mode == "sgdet":
        pairs = pairs[overlapping(pairs, boxes, images)]
    with torch.no_grad():
        nodes, edges = model.features(feature_map, boxes, images, pairs)
        given = truth if mode == "predcls" else None
        regions = nodes, edges, boxes, images, pairs, size[None]
        plain, outputs = model.classify(*regions), model.in_modes({mode: given}, *regions)[mode]
        labels, scores = (truth, torch.ones(len(truth))) if mode == "predcls" else most_likely_labels(
            outputs.label_logits)
        assert torch.equal(labels, outputs.labels)
        prediction = rank(image_boxes, labels, scores, pairs, outputs.predicate_logits)

    expected = f"out.{mode}.{key}."
    if mode != "sgdet":
        np.testing.assert_array_equal(nodes, golden["out.node_feat"])
        np.testing.assert_array_equal(edges, golden["out.edge_feat"])
    np.testing.assert_array_equal(pairs, golden[expected + "rel_inds"])
    np.testing.assert_allclose(plain.label_logits, golden[expected + "rm_obj_dists"], **CLOSE)
    np.testing.assert_allclose(plain.predicate_logits, golden[expected + "rel_dists_nobias"], **CLOSE)
    np.testing.assert_array_equal(prediction.labels, golden[expected + "det_classes"])
    np.testing.assert_allclose(prediction.label_scores, golden[expected + "det_obj_scores"], **CLOSE)
    theirs = dict(zip(map(tuple, golden[expected + "det_rel_inds"].tolist()), golden[expected + "det_rel_scores"],
                      strict=True))
    ours = dict(zip(map(tuple, prediction.pairs.tolist()), prediction.predicate_scores.numpy(), strict=True))
    assert ours.keys() == theirs.keys()
    for pair, row in ours.items():
        np.testing.assert_allclose(row, theirs[pair], **CLOSE)
    if bias_mode != "only":  # the table alone ties
        np.testing.assert_array_equal(prediction.pairs, golden[expected + "det_rel_inds"])


def test_rank() -> None:
    """filter_dets alone: scores are given as probabilities, so their logarithms are the logits."""
    golden = np.load(FILES / "filter_dets.npz")
    boxes, scores, labels, pairs, predicates = tensors(golden, "in.boxes", "in.obj_scores", "in.obj_classes",
                                                       "in.rel_inds", "in.pred_scores")
    prediction = rank(boxes, labels, scores, pairs, predicates.double().log())
    np.testing.assert_array_equal(prediction.pairs, golden["out.rels"])
    np.testing.assert_allclose(prediction.predicate_scores, golden["out.rel_scores"], rtol=1e-6)
    np.testing.assert_array_equal(prediction.labels, golden["out.classes"])
    np.testing.assert_array_equal(prediction.label_scores, golden["out.scores"])
