"""The Neural Motifs head (docs/SYSTEM.md section 2) against the public re-implementation.

`bias`: with the frequency table, which here the test adds as the model does; `nobias`: without; `novision`: with the
table, but without visual vectors of pairs.
"""

import numpy as np
import pytest
import torch
from torch import nn

from sgg.methods.head import HeadSizes
from sgg.models.frequency_bias import FrequencyBias, frequency_table
from sgg.models.head_parts.class_nms import pixel_iou
from sgg.models.head_parts.position import box_code
from sgg.models.heads.motifs import Motifs
from sgg.models.heads.motifs.published_names import HEAD
from sgg.models.heads.motifs.sequence import SequenceOrder
from tests.golden.heads import CLOSE, MODES, GoldenHead, watched, with_bias

GOLDEN = GoldenHead("motifs.npz", HEAD)
SIZES = HeadSizes(vector=24, classes=9, predicates=6, embedding=8)
CASES = [("novision", "predcls"), *((variant, mode) for variant in ("bias", "nobias") for mode in MODES)]


def build(variant: str) -> tuple[nn.Module, FrequencyBias | None]:
    """The head with the reference's weights, and the model's frequency bias."""
    head = Motifs(hidden_dim=16, pooling_dim=24, dropout=0.0, vision=variant != "novision").build(SIZES)
    return GOLDEN.load(head), GOLDEN.frequency_bias() if variant != "nobias" else None


@pytest.mark.parametrize(("variant", "mode"), CASES)
def test_motifs_in_evaluation(variant: str, mode: str) -> None:
    """All images at once; the reference ran SGCls and SGDet image by image."""
    head, bias = build(variant)
    given, contexts = GOLDEN.inputs(mode), watched(head, "object_context", "edge_context")
    with torch.no_grad():
        outputs = head.eval()(given)
    key = f"out.{variant}.{mode}.eval."
    np.testing.assert_array_equal(outputs.labels, GOLDEN[key + "obj_preds"])
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    logits = with_bias(outputs, bias, given).detach()
    np.testing.assert_allclose(logits, GOLDEN[key + "rel_dists"], **CLOSE)
    np.testing.assert_allclose(contexts["edge_context"], GOLDEN[key + "edge_ctx"], **CLOSE)
    if key + "obj_ctx" in GOLDEN:
        np.testing.assert_allclose(contexts["object_context"], GOLDEN[key + "obj_ctx"], **CLOSE)
    assert not outputs.losses


@pytest.mark.parametrize(("variant", "mode"), CASES)
def test_rank(variant: str, mode: str) -> None:
    head, bias = build(variant)
    given = GOLDEN.inputs(mode)
    with torch.no_grad():
        outputs = head.eval()(given)
        logits = with_bias(outputs, bias, given)
    two_within_rounding = (variant, mode) == ("nobias", "sgcls")  # 3e-6 of one another
    GOLDEN.require_ranked(f"out.{variant}.{mode}.eval.post.", given, outputs, logits, not two_within_rounding)


@pytest.mark.parametrize("mode", MODES)
def test_training(mode: str) -> None:
    """Labels are teacher-forced, BatchNorm normalises by the batch."""
    head, bias = build("bias")
    given, contexts = GOLDEN.inputs(mode, training=True), watched(head, "edge_context")
    outputs = head.train()(given)
    without = GOLDEN.require_trained(f"out.bias.{mode}.train.", head, bias, given, outputs,
                                     {"edge_ctx": contexts["edge_context"]})
    assert all(name.startswith("decoder.") for name in without)
    assert bool(without) is (mode == "predcls")


def test_sequence_order() -> None:
    given = GOLDEN.inputs("sgcls")
    order = SequenceOrder.right_to_left(given.boxes, given.image_index, 3)
    np.testing.assert_array_equal(order.rows, GOLDEN["out.order.perm"])
    np.testing.assert_array_equal(order.inverse, GOLDEN["out.order.inv_perm"])
    np.testing.assert_array_equal(order.batch_sizes, GOLDEN["out.order.batch_sizes"])


def test_position() -> None:
    given = GOLDEN.inputs("sgcls")
    sizes = given.image_sizes[given.image_index]
    np.testing.assert_allclose(box_code(given.boxes, sizes), GOLDEN["out.box_info"], **CLOSE)
    with torch.no_grad():
        code = build("nobias")[0].eval().position(given.boxes, sizes)
    np.testing.assert_allclose(code, GOLDEN["out.pos_embed_eval"], **CLOSE)


def test_pixel_iou() -> None:
    boxes = GOLDEN.tensor("in.boxes_per_cls")[4:11]  # of the second image
    np.testing.assert_allclose(pixel_iou(boxes[:, None], boxes), GOLDEN["out.nms_overlaps_image1"], **CLOSE)


def test_frequency_table() -> None:
    """Our table equals the reference's for the same counts. The reference gives probabilities, which already include
    background."""
    counts = GOLDEN["in.fg_matrix"].astype(np.float64)
    table = frequency_table(counts, counts[:, :, 0] - 1)
    np.testing.assert_allclose(table, GOLDEN["in.pred_dist"], **CLOSE)


def test_motifs_starts_its_label_embeddings_from_word_vectors() -> None:
    """All but the decoder's first row, that of no label yet: it is "start" there, and none of our words."""
    vectors = GOLDEN.tensor("glove.start_and_classes")[1:]
    head = Motifs(hidden_dim=16, pooling_dim=24).build(SIZES, (vectors, torch.zeros(6, 8)))
    for rows in (head.object_embedding.weight, head.edge_embedding.weight, head.decoder.label_embedding.weight[1:]):
        torch.testing.assert_close(rows.detach(), vectors)
