"""The PE-Net head (docs/SYSTEM.md section 2) against the authors' implementation, with 14 predicates.

`far`: with longer prototypes, so that some are further apart than the margins.
"""

import numpy as np
import pytest
import torch
from torch import nn

from sgg.methods.head import HeadSizes
from sgg.models.heads.penet import PENet
from sgg.models.heads.penet.published_names import HEAD, UNUSED
from tests.golden.heads import CLOSE, MODES, GoldenHead

GOLDEN = GoldenHead("penet.npz", HEAD)
SIZES = HeadSizes(vector=24, classes=9, predicates=14, embedding=8)
LOGITS = CLOSE | {"atol": 2e-5}
CASES = [(variant, mode) for variant in ("", "far.") for mode in MODES]


def build(variant: str) -> nn.Module:
    """The head with the reference's weights."""
    head = GOLDEN.load(PENet(hidden_dim=16, semantic_dim=16, dropout=0.0).build(SIZES), UNUSED)
    if variant:
        with torch.no_grad():
            head.project.output.weight *= GOLDEN.tensor("far.project_head_scale")
    return head


def watch(head: nn.Module) -> dict[str, torch.Tensor]:
    """Prototypes, and the representations of pairs before and after the layers that both share."""
    seen: dict[str, torch.Tensor] = {}
    head.project.register_forward_hook(
        lambda *call: seen.update({"rel_rep" if "prototypes" in seen else "prototypes": call[-1]}))
    head.refine_pair.register_forward_hook(lambda _, given, __: seen.update(rel_rep_before_refinement=given[0]))
    return seen


@pytest.mark.parametrize(("variant", "mode"), CASES)
def test_penet_in_evaluation(variant: str, mode: str) -> None:
    head, given = build(variant), GOLDEN.inputs(mode)
    seen = watch(head)
    with torch.no_grad():
        outputs = head.eval()(given)
    key = f"out.{variant}{mode}.eval."
    np.testing.assert_array_equal(outputs.labels, GOLDEN[key + "obj_preds"])
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    np.testing.assert_allclose(outputs.predicate_logits, GOLDEN[key + "rel_dists"], **LOGITS)
    assert not outputs.losses
    for name, values in seen.items():
        if key + name in GOLDEN or name != "prototypes":
            np.testing.assert_allclose(values, GOLDEN[key + name], **CLOSE, err_msg=name)
    GOLDEN.require_ranked(f"{key}post.", given, outputs, outputs.predicate_logits)


@pytest.mark.parametrize(("variant", "mode"), CASES)
def test_training(variant: str, mode: str) -> None:
    """Labels are the best foreground classes, never the annotated ones."""
    head, given = build(variant), GOLDEN.inputs(mode, training=True)
    seen = watch(head)
    outputs = head.train()(given)
    of_losses = {"l21_loss": "prototype_similarity", "dist_loss2": "prototype_distance", "loss_dis": "pair_distance"}
    without = GOLDEN.require_trained(f"out.{variant}{mode}.train.", head, None, given, outputs, seen, of_losses,
                                     atol=2e-5)
    objects = ("object_embedding.", "position.", "object_input.", "classify.")
    assert all(name.startswith(objects) for name in without)
    assert {name for name in without if name.startswith("classify.")} == (
        {"classify.weight", "classify.bias"} if mode == "predcls" else set())


def test_penet_starts_its_embeddings_from_word_vectors() -> None:
    classes, predicates = torch.randn(9, 8), GOLDEN.tensor("glove.rel_vectors")
    head = PENet(hidden_dim=16, semantic_dim=16).build(SIZES, (classes, predicates))
    assert torch.equal(head.object_embedding.weight, classes)
    assert torch.equal(head.class_embedding.weight, classes)
    assert torch.equal(head.predicate_embedding.weight, predicates)
    assert head.log_scale.item() == pytest.approx(np.log(1 / 0.07))
