"""LSTMs along trees, level by level and for all trees at once, against recursion over the objects of each tree."""

import numpy as np
import pytest
import torch
from torch import Tensor

from sgg.models.heads.vctree.decoder import TreeDecoder, draw_labels
from sgg.models.heads.vctree.forest import Forest
from sgg.models.heads.vctree.growth import Trees, grow
from sgg.models.heads.vctree.tree_lstm import LeavesToRoot, RootToLeaves, TreeContext

COUNTS = np.array([4, 0, 7, 1, 12])
START = COUNTS.cumsum() - COUNTS
HIDDEN = 3


@pytest.fixture
def trees() -> Trees:
    return grow(np.random.default_rng(0).random((5, 12, 12), np.float32), COUNTS)


def forest_of(trees: Trees) -> Forest:
    return Forest.of_trees(trees, COUNTS, torch.device("cpu"))


def gates(joined: Tensor) -> list[Tensor]:
    return list(joined.split(HIDDEN))


def plain_to_root(cell: LeavesToRoot, objects: Tensor, trees: Trees, image: int, one: int, states: dict) -> tuple:
    """State and memory of an object of an image; `states` gets those of its whole subtree."""
    if one < 0:
        return torch.zeros(HIDDEN), torch.zeros(HIDDEN)
    (left, kept_left), (right, kept_right) = (
        plain_to_root(cell, objects, trees, image, child, states)
        for child in (trees.left[image, one], trees.right[image, one]))
    values = objects[START[image] + one]
    i, o, left_f, right_f, u, r = gates(cell.input_gates(values) + cell.left_gates(left) + cell.right_gates(right))
    memory = i.sigmoid() * u.tanh() + left_f.sigmoid() * kept_left + right_f.sigmoid() * kept_right
    state = r.sigmoid() * (o.sigmoid() * memory.tanh()) + (1 - r.sigmoid()) * cell.carry(values)
    states[START[image] + one] = state
    return state, memory


def plain_to_leaves(cell: RootToLeaves, objects: Tensor, trees: Trees, image: int, one: int, above: tuple,
                    states: dict) -> None:
    if one < 0:
        return
    values = objects[START[image] + one]
    i, o, f, u, r = gates(cell.input_gates(values) + cell.parent_gates(above[0]))
    memory = i.sigmoid() * u.tanh() + f.sigmoid() * above[1]
    state = r.sigmoid() * (o.sigmoid() * memory.tanh()) + (1 - r.sigmoid()) * cell.carry(values)
    states[START[image] + one] = state
    for child in (trees.left[image, one], trees.right[image, one]):
        plain_to_leaves(cell, objects, trees, image, child, (state, memory), states)


def roots(trees: Trees) -> list[tuple[int, int]]:
    return [(image, int(np.flatnonzero(trees.parent[image, :count] == -1)[0]))
            for image, count in enumerate(COUNTS) if count]


def test_leaves_to_root_against_recursion(trees) -> None:
    cell, objects, states = LeavesToRoot(5, HIDDEN), torch.randn(COUNTS.sum(), 5), {}
    for image, root in roots(trees):
        plain_to_root(cell, objects, trees, image, root, states)
    expected = torch.stack([states[one] for one in range(len(objects))])
    torch.testing.assert_close(cell(objects, forest_of(trees)), expected)


def test_root_to_leaves_against_recursion(trees) -> None:
    cell, objects, states = RootToLeaves(5, HIDDEN), torch.randn(COUNTS.sum(), 5), {}
    nothing = torch.zeros(HIDDEN), torch.zeros(HIDDEN)
    for image, root in roots(trees):
        plain_to_leaves(cell, objects, trees, image, root, nothing, states)
    expected = torch.stack([states[one] for one in range(len(objects))])
    torch.testing.assert_close(cell(objects, forest_of(trees)), expected)


def test_tree_decoder_passes_labels_down(trees) -> None:
    """In evaluation the label of an object changes with the embedding of its parent's label, which nobody else reads.
    """
    decoder = TreeDecoder(5, HIDDEN, 2, 4, dropout=0.0).eval()
    objects, forest = torch.randn(COUNTS.sum(), 5), forest_of(trees)
    logits, labels = decoder(objects, forest, 5)
    parents = np.concatenate([np.where(trees.binary_parent[image, :count] < 0, -1,
                                       START[image] + trees.binary_parent[image, :count])
                              for image, count in enumerate(COUNTS)])
    read = decoder.label_embedding.weight[[0 if one < 0 else int(labels[one]) + 1 for one in parents]]
    plain = decoder.cell(torch.cat([objects, read], dim=1), forest)
    torch.testing.assert_close(logits, decoder.classify(plain))
    assert torch.equal(labels, logits[:, 1:].argmax(1) + 1)


def test_tree_decoder_draws_labels_in_training(trees, monkeypatch) -> None:
    """What is passed on is drawn, what is returned is the best."""
    decoder = TreeDecoder(5, HIDDEN, 2, 4, dropout=0.0).train()
    objects, forest = torch.randn(COUNTS.sum(), 5), forest_of(trees)
    found = {tuple(decoder(objects, forest, 5)[0].flatten().tolist()) for _ in range(5)}
    assert len(found) > 1
    logits, labels = decoder(objects, forest, 5)
    assert torch.equal(labels, logits[:, 1:].argmax(1) + 1)


def test_draw_labels_by_probability() -> None:
    """Classes of probability .1 (background), .3 and .6: a third and two thirds of the foreground."""
    torch.manual_seed(0)
    drawn = draw_labels(torch.tensor([0.1, 0.3, 0.6]).log().expand(9000, -1))
    assert drawn.unique().tolist() == [1, 2]
    assert (drawn == 2).float().mean() == pytest.approx(2 / 3, abs=0.02)
    assert draw_labels(torch.full((2, 3), torch.nan)).shape == (2,)


@pytest.mark.parametrize("layers", [1, 2])
def test_tree_context_dropout(trees, layers: int) -> None:
    """Only between layers; then one mask for all objects of a tree, and another one for each tree."""
    torch.manual_seed(0)
    context = TreeContext(5, 16, layers, dropout=0.5).train()
    seen = []
    context.to_root[0].register_forward_hook(lambda *call: seen.append(call[-1] == 0))
    context(torch.randn(COUNTS.sum(), 5), forest_of(trees), 5)
    assert seen[0].any() == (layers > 1)
    if layers > 1:
        of_trees = [seen[0][start:start + count] for start, count in zip(START, COUNTS, strict=True) if count]
        assert all(torch.equal(one, one[:1].expand_as(one)) for one in of_trees)
        assert len({tuple(one[0].tolist()) for one in of_trees}) > 1
    context.eval()(torch.randn(COUNTS.sum(), 5), forest_of(trees), 5)
    assert not seen[-1].any()


def test_forest_has_the_roots_first(trees) -> None:
    forest = forest_of(trees)
    assert sum(forest.sizes) == COUNTS.sum()
    assert sorted(forest.rows[:forest.sizes[0]].tolist()) == [START[image] + root for image, root in roots(trees)]
    values = torch.arange(float(COUNTS.sum()))
    assert torch.equal(forest.objects(list(forest.levels(values))), values)
    assert [images.tolist() for images in forest.images[:1]] == [[0, 2, 3, 4]]
