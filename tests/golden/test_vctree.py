"""The VCTree head (docs/SYSTEM.md section 2) against the public re-implementation, with the frequency table, which here
the test adds as the model does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sgg.methods.head import HeadSizes
from sgg.models.head_parts.grid import ObjectGrid
from sgg.models.heads.vctree import VCTree, decoder, forest
from sgg.models.heads.vctree.growth import Trees, grow
from sgg.models.heads.vctree.head import VCTreeHead
from sgg.models.heads.vctree.published_names import HEAD, REPEATED
from sgg.models.heads.vctree.scores import class_prior, overlap_code
from tests.golden.heads import CLOSE, MODES, GoldenHead, watched, with_bias

GOLDEN = GoldenHead("vctree.npz", HEAD)
SIZES = HeadSizes(vector=24, classes=9, predicates=6, embedding=8, frequency_table=GOLDEN.tensor("in.pred_dist"))
COUNTS = GOLDEN["in.num_objs"]


def build() -> VCTreeHead:
    """The head with the reference's weights."""
    return GOLDEN.load(VCTree(hidden_dim=16, pooling_dim=24, dropout=0.0).build(SIZES), REPEATED)


@pytest.fixture
def grown(monkeypatch) -> list[tuple[np.ndarray, Trees]]:
    """The scores and the trees of every call of a head."""
    calls = []

    def watch(scores, counts):
        calls.append((scores, grow(scores, counts)))
        return calls[-1][1]

    monkeypatch.setattr(forest, "grow", watch)
    return calls


def described(scores: np.ndarray, trees: Trees, image: int, count: int) -> dict[str, Tensor]:
    """A tree by the reference's names."""
    own = {name: getattr(trees, name)[image, :count] for name in ("parent", "left", "right", "binary_parent")}
    found = {"scores": scores[image, :count, :count], "root": np.flatnonzero(own["parent"] == -1)[0],
             "parent": own["parent"], "child_number": child_numbers(own["left"], own["right"]),
             "binary_left": own["left"], "binary_right": own["right"], "binary_parent": own["binary_parent"]}
    return {name: torch.tensor(value) for name, value in found.items()}


def child_numbers(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of each object, how many children of its parent came before it; -1 for the root."""
    numbers = np.full(len(left), -1)
    for child in left[left >= 0]:
        number = 0
        while child >= 0:
            numbers[child], child, number = number, right[child], number + 1
    return numbers


def order_of(trees: Trees, image: int, root: int) -> list[int]:
    """The objects from the root, then the left subtree, then the right one."""
    if root < 0:
        return []
    return [root, *order_of(trees, image, trees.left[image, root]), *order_of(trees, image, trees.right[image, root])]


@pytest.mark.parametrize("mode", MODES)
def test_vctree_in_evaluation(grown, mode: str) -> None:
    """All images at once; the reference ran them one after another."""
    head, bias, given = build(), GOLDEN.frequency_bias(), GOLDEN.inputs(mode)
    contexts = watched(head, "edge_context", "object_context.to_root.0", "object_context.to_leaves.0")
    with torch.no_grad():
        outputs = head.eval()(given)
        logits = with_bias(outputs, bias, given)
    key = f"out.{mode}.eval."
    for image, count in enumerate(COUNTS):
        for name, value in described(*grown[0], image, count).items():
            np.testing.assert_allclose(value, GOLDEN[f"{key}tree{image}.{name}"], **CLOSE, err_msg=name)
    np.testing.assert_array_equal(outputs.labels, GOLDEN[key + "obj_preds"])
    np.testing.assert_allclose(outputs.label_logits, GOLDEN[key + "obj_dists"], **CLOSE)
    np.testing.assert_allclose(logits, GOLDEN[key + "rel_dists"], **CLOSE)
    np.testing.assert_allclose(contexts["edge_context"], GOLDEN[key + "edge_ctx"], **CLOSE)
    if mode == "predcls":
        for name, ours in (("leaves_to_root", "to_root"), ("root_to_leaves", "to_leaves")):
            np.testing.assert_allclose(contexts[f"object_context.{ours}.0"], GOLDEN[f"{key}tree_lstm.{name}"], **CLOSE)
    assert not outputs.losses
    GOLDEN.require_ranked(f"{key}post.", given, outputs, logits)


@pytest.mark.parametrize("mode", MODES)
def test_training(grown, monkeypatch, mode: str) -> None:
    """The label that an object passes on is drawn; here, as in the run of the reference, it is the second most probable
    one."""
    monkeypatch.setattr(decoder, "draw_labels", second_best)
    head, bias, given = build(), GOLDEN.frequency_bias(), GOLDEN.inputs(mode, training=True)
    contexts = watched(head, "edge_context")
    outputs = head.train()(given)
    scores, trees = grown[0]
    found = {"edge_ctx": contexts["edge_context"]}
    found |= {f"tree{image}.{name}": value for image, count in enumerate(COUNTS)
              for name, value in described(scores, trees, image, count).items()}
    orders = [order_of(trees, image, int(found[f"tree{image}.root"])) for image in range(3)]
    found["decode_order"] = torch.tensor([one for order in orders for one in order])
    first = COUNTS.cumsum() - COUNTS
    decoded = torch.tensor([first[image] + one for image, order in enumerate(orders) for one in order])
    found["drawn_labels"] = second_best(outputs.label_logits.detach())[decoded]
    without = GOLDEN.require_trained(f"out.{mode}.train.", head, bias, given, outputs, found, {"binary_loss": "tree"})
    assert all(name.startswith("decoder.") for name in without)
    assert bool(without) is (mode == "predcls")


def second_best(logits: Tensor) -> Tensor:
    return logits[:, 1:].topk(2).indices[:, 1] + 1


@pytest.mark.parametrize("count", [1, 2, 3, 9, 25])
def test_grow(count: int) -> None:
    scores = GOLDEN[f"alone{count}.scores"][None]
    trees = grow(scores, np.array([count]))
    for name, value in described(scores, trees, 0, count).items():
        np.testing.assert_array_equal(value, GOLDEN[f"alone{count}.{name}"], err_msg=name)


def test_overlap_code() -> None:
    given = GOLDEN.inputs("sgcls")
    code = overlap_code(given.boxes, ObjectGrid.of(given.image_index, 3))
    np.testing.assert_allclose(code, GOLDEN["out.overlap_info6"], **CLOSE)


def test_class_prior() -> None:
    prior = class_prior(GOLDEN.tensor("in.pred_dist"))
    np.testing.assert_allclose(prior.view(1, 81), GOLDEN["out.initial_bi_freq_prior"], **CLOSE)
    built = VCTree(hidden_dim=16, pooling_dim=24).build(SIZES)
    assert torch.equal(built.tree_scores.prior, prior)
