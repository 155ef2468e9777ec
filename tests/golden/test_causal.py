"""The causal head (docs/SYSTEM.md section 2) with contexts of Motifs against the authors' implementation.

`sum`, `gate`: how branches are joined. All running means of the reference have given values.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sgg.adjustments.effect import Effect
from sgg.methods.adjustment import PredictedPairs
from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes
from sgg.models.heads.causal import Causal
from sgg.models.heads.causal.head import CausalHead
from sgg.models.heads.causal.pair_boxes import box_numbers, pair_numbers
from sgg.models.heads.causal.published_names import UNUSED, head_names
from tests.golden.heads import CLOSE, MODES, GoldenHead, watched

GOLDEN = GoldenHead("tde.npz", head_names("motifs"))
SEPARATE = GoldenHead("tde.npz", head_names("motifs", separate_boxes=True))
SIZES = HeadSizes(vector=24, classes=9, predicates=6, embedding=8, frequency_table=torch.zeros(9, 9, 6))
EFFECTS = ("none", "TDE", "NIE", "TE")
CASES = [(fusion, effect, mode) for fusion in ("sum", "gate") for effect in EFFECTS for mode in MODES]


def build(fusion: str, spatial: bool = True, separate_boxes: bool = False) -> CausalHead:
    """The head with the reference's weights and means."""
    head = Causal(context="motifs", fusion=fusion, spatial=spatial, separate_boxes=separate_boxes, hidden_dim=16,
                  pooling_dim=24, dropout=0.0).build(SIZES)
    unused = tuple(name for name in UNUSED if name != "untreated_conv_spt") if separate_boxes else UNUSED
    unused += (() if fusion == "gate" else ("ctx_gate_fc.",)) + (() if spatial else ("spt_emb.",))
    return (SEPARATE if separate_boxes else GOLDEN).load(head, unused)


def with_drawings(given: HeadInputs, training: bool = False) -> HeadInputs:
    """The same inputs, with the reference's vectors of drawn boxes behind the visual ones."""
    drawn = GOLDEN.tensor("in.spatial_conv_features")
    if training:
        drawn = drawn[GOLDEN.tensor("in.train_rows")]
    return replace(given, edges=torch.cat([given.edges.detach(), drawn], 1).requires_grad_(training))


def under(effect: str, head: CausalHead, given: HeadInputs) -> HeadOutputs:
    """The outputs of the head with the predicate logits of an effect, as the adjustment takes them."""
    wanted = Effect.counterfactuals(effect.lower())
    outputs = head(replace(given, counterfactuals=wanted))
    assert outputs.counterfactuals.keys() == wanted
    if effect == "none":
        return outputs
    logits = outputs.predicate_logits
    context = PredictedPairs(*outputs.labels[given.pairs].unbind(1), plain=logits,
                             counterfactuals=outputs.counterfactuals)
    return replace(outputs, predicate_logits=Effect().build(None)(logits, context, effect.lower()))


@pytest.mark.parametrize(("fusion", "effect", "mode"), CASES)
def test_causal_in_evaluation(fusion: str, effect: str, mode: str) -> None:
    head, given = build(fusion), GOLDEN.inputs(mode)
    with torch.no_grad():
        outputs = under(effect, head.eval(), given)
    key = f"out.{fusion}.{effect}.{mode}.eval."
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    np.testing.assert_allclose(outputs.predicate_logits, GOLDEN[key + "rel_dists"], **CLOSE)
    # In PredCls the classes are given, so an average context changes none: all effects are 0, and any order is right.
    ordered = (fusion, effect, mode) != ("gate", "TDE", "sgcls") and (effect, mode) != ("NIE", "predcls")
    GOLDEN.require_ranked(f"{key}post.", given, outputs, outputs.predicate_logits, ordered)


def test_causal_without_the_boxes_of_pairs() -> None:
    head, given = build("sum", spatial=False), GOLDEN.inputs("predcls")
    with torch.no_grad():
        outputs = under("TDE", head.eval(), given)
    expected = GOLDEN["out.sum.nospatial.TDE.predcls.eval.rel_dists"]
    np.testing.assert_allclose(outputs.predicate_logits, expected, **CLOSE)


@pytest.mark.parametrize(("fusion", "mode"), [(fusion, mode) for fusion in ("sum", "gate") for mode in MODES[:2]])
def test_training(fusion: str, mode: str) -> None:
    """Losses of the branches, gradients, and the running means."""
    head, given = build(fusion), GOLDEN.inputs(mode, training=True)
    contexts = watched(head, "context.edge_context")
    outputs = head.train()(given)
    of_losses = {"auxiliary_ctx": "context_branch"}
    if fusion == "sum":
        of_losses |= {"auxiliary_vis": "vision_branch", "auxiliary_frq": "frequencies_branch"}
    without = GOLDEN.require_trained(
        f"out.{fusion}.{mode}.train.", head, None, given, outputs, {"edge_ctx": contexts["context.edge_context"]},
        of_losses, tuple(f"after.{name}" for name in UNUSED if name != "untreated_conv_spt"))
    assert all(name.startswith("context.decoder.") for name in without)
    assert bool(without) is (mode == "predcls")


@pytest.mark.parametrize("effect", EFFECTS)
def test_causal_with_separate_boxes(effect: str) -> None:
    head, given = build("sum", separate_boxes=True), with_drawings(GOLDEN.inputs("predcls"))
    with torch.no_grad():
        outputs = under(effect, head.eval(), given)
    key = f"out.sum.sep.{effect}.predcls.eval."
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    np.testing.assert_allclose(outputs.predicate_logits, GOLDEN[key + "rel_dists"], **CLOSE)
    GOLDEN.require_ranked(f"{key}post.", given, outputs, outputs.predicate_logits, effect != "NIE")  # NIE is 0


def test_training_with_separate_boxes() -> None:
    """The mean of the vectors of drawings moves, too. The reference gets these apart, so their gradient has a name."""
    head = build("sum", separate_boxes=True)
    given = with_drawings(GOLDEN.inputs("predcls", training=True), True)
    contexts = watched(head, "context.edge_context")
    outputs, key = head.train()(given), "out.sum.sep.predcls.train."
    of_edges = ("grad_union_features0", "grad_union_features1")
    without = SEPARATE.require_trained(
        key, head, None, given, outputs, {"edge_ctx": contexts["context.edge_context"]},
        {"auxiliary_ctx": "context_branch", "auxiliary_vis": "vision_branch", "auxiliary_frq": "frequencies_branch"},
        (*(f"after.{name}" for name in UNUSED if name != "untreated_conv_spt"), *of_edges))
    assert all(name.startswith("context.decoder.") for name in without)
    for name, gradient in zip(of_edges, given.edges.grad.split(24, 1), strict=True):
        np.testing.assert_allclose(gradient, GOLDEN[key + name], **CLOSE, err_msg=name)


@pytest.mark.parametrize("kind", ["plain", "averaged"])
def test_contexts(kind: str) -> None:
    """The reference ran the images one after another."""
    head, given = build("sum").eval(), GOLDEN.inputs("sgcls")
    with torch.no_grad():
        found = head.context.contexts(given, None if kind == "plain" else head.means.averages)
    for name, values in {"obj_dists": found.label_logits, "obj_preds": found.labels, "edge_ctx": found.edge}.items():
        expected = np.concatenate([GOLDEN[f"out.context.sgcls.{kind}.image{image}.{name}"] for image in range(3)])
        np.testing.assert_allclose(values, expected, **CLOSE, err_msg=name)


def test_pair_numbers() -> None:
    given = GOLDEN.inputs("sgcls")
    boxes = box_numbers(given.boxes, given.image_sizes[given.image_index])
    np.testing.assert_allclose(boxes, GOLDEN["out.box_info8"], **CLOSE)
    np.testing.assert_allclose(pair_numbers(boxes, given.pairs), GOLDEN["out.pair_box_info32"], **CLOSE)


def test_expected_frequencies() -> None:
    """Five pairs of objects, each with its own probabilities."""
    odds = GOLDEN.tensor("in.freq_prob")  # [5, C, 2]
    both = odds.permute(0, 2, 1).flatten(0, 1)
    pairs = torch.arange(10).view(5, 2)
    with torch.no_grad():
        found = build("sum")._expected(both, pairs)
    np.testing.assert_allclose(found, GOLDEN["out.freq_with_probability"], **CLOSE)
