"""The scores of pairs from which trees are made, against loops over pairs."""

from dataclasses import replace

import pytest
import torch

from sgg.models.head_parts.grid import ObjectGrid
from sgg.models.heads.vctree.scores import TreeScores, tree_loss
from tests.scenes import SIZES, scene

COUNTS = (3, 0, 4)


def network() -> TreeScores:
    return TreeScores(replace(SIZES, frequency_table=torch.randn(5, 5, 4)), 6).eval()


def grid_of(batch) -> ObjectGrid:
    return ObjectGrid.of(batch.image_index, batch.num_images)


def test_tree_scores_against_a_vector_for_each_pair() -> None:
    """The row of a score is the object, its column the subject."""
    scores, subjects, objects = network(), torch.randn(2, 3, 6).relu(), torch.randn(2, 3, 6).relu()
    probabilities = torch.randn(2, 3, 5).softmax(2)
    found = scores._compare(subjects, objects, probabilities)
    for image in range(2):
        for row in range(3):
            for column in range(3):
                both = probabilities[image, row][:, None] * probabilities[image, column]
                prior = (scores.prior * both).sum()
                subject, other = subjects[image, column], objects[image, row]
                visual = scores.join(torch.cat([subject * other, subject, other, prior[None]]))
                torch.testing.assert_close(found[image, row, column], (visual.sigmoid() * prior)[0])


def test_tree_scores_send_no_gradient_to_what_they_read() -> None:
    batch = scene(*COUNTS)
    nodes, codes = batch.nodes.requires_grad_(), torch.randn(7, 3, requires_grad=True)
    sizes = batch.image_sizes[batch.image_index].float()
    scores = network()
    scores(nodes, codes, batch.detector_logits.softmax(1), batch.boxes, sizes, grid_of(batch)).sum().backward()
    assert nodes.grad is None
    assert codes.grad is None
    assert all(parameter.grad is not None for parameter in scores.parameters())


def test_tree_loss_against_loops() -> None:
    batch, logits = scene(*COUNTS), torch.randn(3, 4, 4)
    entropy = torch.nn.BCEWithLogitsLoss()
    expected, first = [], 0
    for image, count in enumerate(COUNTS):
        related = torch.zeros(count, count)
        for (subject, other), annotated in zip(batch.pairs.tolist(), batch.related.tolist(), strict=True):
            if annotated and first <= subject < first + count:
                related[subject - first, other - first] = related[other - first, subject - first] = 1
        expected.append(float(entropy(logits[image, :count, :count], related)) if count else 0.0)
        first += count
    assert float(tree_loss(logits, batch.pairs, batch.related, grid_of(batch))) == pytest.approx(sum(expected) / 3)


def test_tree_loss_without_objects() -> None:
    batch = scene(0, 0)
    assert tree_loss(torch.zeros(2, 0, 0), batch.pairs, batch.related, grid_of(batch)) == 0
