"""The Neural Motifs head (docs/SYSTEM.md section 2) against the public re-implementation.

Three images of 4, 7 and 5 objects. `bias`: with the frequency table, which here the test adds as the model does;
`nobias`: without; `novision`: with the table, but without visual vectors of pairs.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sgg.common.published_files import rename
from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes
from sgg.models.frequency_bias import FrequencyBias, frequency_table
from sgg.models.heads.motifs import Motifs
from sgg.models.heads.motifs.class_nms import pixel_iou
from sgg.models.heads.motifs.position import box_code
from sgg.models.heads.motifs.published_names import HEAD
from sgg.models.heads.motifs.sequence import SequenceOrder
from sgg.models.ranking import rank
from sgg.models.scene_graph import most_likely_labels

GOLDEN = np.load(Path(__file__).parent / "files" / "motifs.npz")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
MODES = ["predcls", "sgcls", "sgdet"]
SIZES = HeadSizes(vector=24, classes=9, predicates=6, embedding=8)


def tensor(key: str) -> Tensor:
    return torch.tensor(GOLDEN[key])


def build(variant: str) -> tuple[nn.Module, FrequencyBias | None]:
    """The head with the reference's weights, and the model's frequency bias."""
    head = Motifs(hidden_dim=16, pooling_dim=24, dropout=0.0, vision=variant != "novision").build(SIZES)
    published = {key[3:]: tensor(key) for key in GOLDEN.files if key.startswith("sd.")}
    table = published.pop("freq_bias.obj_baseline.weight")
    head.load_state_dict({rename(name, HEAD): value for name, value in published.items()})
    return head, FrequencyBias(table.view(9, 9, 6)) if variant != "nobias" else None


def inputs(mode: str, training: bool = False) -> HeadInputs:
    """The inputs of the reference."""
    counts, triples = tensor("in.num_objs"), tensor("in.rel_pairs")
    first = counts.cumsum(0) - counts
    pairs, edges = triples[:, 1:] + first[triples[:, 0], None], tensor("in.union_features")
    if training:
        rows = tensor("in.train_rows")
        pairs, edges = pairs[rows], edges[rows]
    labels = tensor("in.labels")
    return HeadInputs(
        tensor("in.roi_features"), edges, tensor("in.boxes"), torch.arange(3).repeat_interleave(counts),
        tensor("in.image_sizes").flip(1), pairs, mode, labels=labels if mode == "predcls" else None,
        detector_logits=tensor("in.predict_logits"),
        class_boxes=tensor("in.boxes_per_cls") if mode == "sgdet" else None,
        target_labels=(tensor("in.labels_sgdet_train") if mode == "sgdet" else labels) if training else None)


def run(head: nn.Module, bias: FrequencyBias | None,
        given: HeadInputs) -> tuple[HeadOutputs, Tensor, dict[str, Tensor]]:
    """The head's outputs, its predicate logits with the bias, and both contexts."""
    contexts = {}
    hooks = [getattr(head, name).register_forward_hook(lambda *call, name=name: contexts.update({name: call[-1]}))
             for name in ("object_context", "edge_context")]
    outputs = head(given)
    for hook in hooks:
        hook.remove()
    logits = outputs.predicate_logits
    if bias is not None:
        logits = logits + bias(*outputs.labels[given.pairs].unbind(1))
    return outputs, logits, contexts


@pytest.mark.parametrize(("variant", "mode"), [("novision", "predcls"), *(
    (variant, mode) for variant in ("bias", "nobias") for mode in MODES)])
def test_motifs_in_evaluation(variant: str, mode: str) -> None:
    """All images at once; the reference ran SGCls and SGDet image by image."""
    head, bias = build(variant)
    given = inputs(mode)
    with torch.no_grad():
        outputs, logits, contexts = run(head.eval(), bias, given)
    key = f"out.{variant}.{mode}.eval."
    np.testing.assert_array_equal(outputs.labels, GOLDEN[key + "obj_preds"])
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    np.testing.assert_allclose(logits, GOLDEN[key + "rel_dists"], **CLOSE)
    np.testing.assert_allclose(contexts["edge_context"], GOLDEN[key + "edge_ctx"], **CLOSE)
    if key + "obj_ctx" in GOLDEN.files:
        np.testing.assert_allclose(contexts["object_context"], GOLDEN[key + "obj_ctx"], **CLOSE)
    assert not outputs.losses


@pytest.mark.parametrize(("variant", "mode"), [("novision", "predcls"), *(
    (variant, mode) for variant in ("bias", "nobias") for mode in MODES)])
def test_rank(variant: str, mode: str) -> None:
    """Labels, scores, boxes and sorted pairs of each image, from the outputs of the head through `rank`."""
    head, bias = build(variant)
    given = inputs(mode)
    with torch.no_grad():
        outputs, logits, _ = run(head.eval(), bias, given)
    labels, scores = most_likely_labels(outputs.label_logits)
    boxes = given.boxes
    if mode == "sgdet":
        labels = outputs.labels
        scores = outputs.label_logits.softmax(1).gather(1, labels[:, None])[:, 0]
        boxes = given.class_boxes[torch.arange(len(labels)), labels]
    key, first_object, first_pair = f"out.{variant}.{mode}.eval.post.", 0, 0
    for image, objects in enumerate(tensor("in.num_objs").tolist()):
        own = slice(first_object, first_object + objects)
        pairs = given.image_index[given.pairs[:, 0]] == image
        prediction = rank(boxes[own], labels[own], scores[own], given.pairs[pairs] - first_object, logits[pairs])
        np.testing.assert_allclose(prediction.boxes, GOLDEN[key + "bbox"][own], **CLOSE)
        np.testing.assert_array_equal(prediction.labels, GOLDEN[key + "pred_labels"][own])
        np.testing.assert_allclose(prediction.label_scores, GOLDEN[key + "pred_scores"][own], **CLOSE)
        rows = slice(first_pair, first_pair + int(pairs.sum()))
        order = GOLDEN[key + "rel_pair_idxs"][rows]
        expected = {tuple(pair): values for pair, values in zip(
            order.tolist(), GOLDEN[key + "pred_rel_scores"][rows], strict=True)}
        for pair, values in zip(prediction.pairs.tolist(), prediction.predicate_scores, strict=True):
            np.testing.assert_allclose(values, expected[tuple(pair)], **CLOSE)
        if (variant, mode) != ("nobias", "sgcls"):  # two scores within 3e-6 of one another
            np.testing.assert_array_equal(prediction.pairs, order)
            np.testing.assert_array_equal(prediction.predicate_scores[:, 1:].argmax(1) + 1,
                                          GOLDEN[key + "pred_rel_labels"][rows])
        first_object, first_pair = own.stop, rows.stop


@pytest.mark.parametrize("mode", MODES)
def test_training(mode: str) -> None:
    """Labels are teacher-forced, BatchNorm normalises by the batch, dropout is off. Compared are outputs, losses, all
    gradients, and the buffers that the forward pass changes."""
    head, bias = build("bias")
    given = inputs(mode, training=True)
    given.nodes.requires_grad_()
    given.edges.requires_grad_()
    outputs, logits, contexts = run(head.train(), bias, given)
    key = f"out.bias.{mode}.train."
    scalar = (outputs.label_logits * tensor("in.cot_obj")).sum() + (logits * tensor("in.cot_rel_train")).sum()
    scalar.backward()

    found = {"obj_dists": outputs.label_logits, "rel_dists": logits, "obj_preds": outputs.labels, "scalar": scalar,
             "edge_ctx": contexts["edge_context"], "grad_roi_features": given.nodes.grad,
             "grad_union_features": given.edges.grad,
             "loss_rel": nn.functional.cross_entropy(logits, tensor("in.train_rel_labels")),
             "loss_refine_obj": nn.functional.cross_entropy(outputs.label_logits, given.target_labels)}
    state, parameters = head.state_dict(), dict(head.named_parameters())
    for name in [name.removeprefix(key) for name in GOLDEN.files if name.startswith(key)]:
        if name.startswith("after."):
            found[name] = state[rename(name.removeprefix("after."), HEAD)]
        elif name == "gradnorm.freq_bias.obj_baseline.weight":
            found[name] = bias.table.weight.grad.norm()
        elif name.startswith("gradnorm."):
            found[name] = parameters.pop(rename(name.removeprefix("gradnorm."), HEAD)).grad.norm()
        np.testing.assert_allclose(found[name].detach(), GOLDEN[key + name], **CLOSE, err_msg=name)
    # The others are those that the reference has no gradient of: in PredCls the decoder.
    assert all(name.startswith("decoder.") and value.grad is None for name, value in parameters.items())
    assert bool(parameters) is (mode == "predcls")


def test_sequence_order() -> None:
    given = inputs("sgcls")
    order = SequenceOrder.right_to_left(given.boxes, given.image_index, 3)
    np.testing.assert_array_equal(order.rows, GOLDEN["out.order.perm"])
    np.testing.assert_array_equal(order.inverse, GOLDEN["out.order.inv_perm"])
    np.testing.assert_array_equal(order.batch_sizes, GOLDEN["out.order.batch_sizes"])


def test_position() -> None:
    given = inputs("sgcls")
    sizes = given.image_sizes[given.image_index]
    np.testing.assert_allclose(box_code(given.boxes, sizes), GOLDEN["out.box_info"], **CLOSE)
    with torch.no_grad():
        code = build("nobias")[0].eval().position(given.boxes, sizes)
    np.testing.assert_allclose(code, GOLDEN["out.pos_embed_eval"], **CLOSE)


def test_pixel_iou() -> None:
    boxes = tensor("in.boxes_per_cls")[4:11]  # of the second image
    np.testing.assert_allclose(pixel_iou(boxes[:, None], boxes), GOLDEN["out.nms_overlaps_image1"], **CLOSE)


def test_frequency_table() -> None:
    """Our table equals the reference's for the same counts. The reference gives probabilities, which already include
    background."""
    counts = GOLDEN["in.fg_matrix"].astype(np.float64)
    table = frequency_table(counts, counts[:, :, 0] - 1)
    np.testing.assert_allclose(table, GOLDEN["in.pred_dist"], **CLOSE)


def test_motifs_starts_its_label_embeddings_from_word_vectors() -> None:
    """All but the decoder's first row, that of no label yet: it is "start" there, and none of our words."""
    vectors = tensor("glove.start_and_classes")[1:]
    head = Motifs(hidden_dim=16, pooling_dim=24).build(SIZES, (vectors, torch.zeros(6, 8)))
    for rows in (head.object_embedding.weight, head.edge_embedding.weight, head.decoder.label_embedding.weight[1:]):
        torch.testing.assert_close(rows.detach(), vectors)
