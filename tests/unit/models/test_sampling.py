"""Pair sampling, against loops over the objects."""

import pytest
import torch
from torchvision.ops import box_iou

from sgg.models.sampling import all_pairs, overlapping, training_pairs


def test_all_pairs_by_loop() -> None:
    images = torch.tensor([0, 0, 0, 1, 3, 3])
    expected = [[i, j] for i in range(6) for j in range(6) if i != j and images[i] == images[j]]
    assert all_pairs(images).tolist() == expected


def test_all_pairs_of_a_single_object() -> None:
    assert all_pairs(torch.tensor([0, 1])).shape == (0, 2)


def test_overlapping_by_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(12, 2, 2, generator=generator) * 100
    boxes = torch.cat([corners.amin(1), corners.amax(1)], dim=1)
    images = torch.arange(12) // 4
    pairs = all_pairs(images)
    expected = [bool(box_iou(boxes[i:i + 1], boxes[j:j + 1]) > 0) for i, j in pairs.tolist()]
    assert overlapping(pairs, boxes, images).tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_training_pairs_has_a_pair_once_for_each_predicate() -> None:
    """Objects 0, 1 of image 0 and 2 of image 1; the pair (0, 1) carries predicates 3 and 5."""
    relations = torch.tensor([[0, 0, 1, 3], [0, 0, 1, 5]])
    pairs, predicates = training_pairs(torch.tensor([0, 0, 1]), relations, images=2)
    assert pairs.tolist() == [[0, 1], [0, 1], [1, 0]]
    assert predicates.tolist() == [3, 5, 0]


@pytest.mark.parametrize("budget", [4, 8, 20])
def test_training_pairs_keeps_the_budget_and_draws_from_the_generator(budget: int) -> None:
    images = torch.zeros(8, dtype=torch.long)
    relations = torch.tensor([[0, i, j, 1 + i] for i in range(4) for j in range(4, 8)])
    draws = [training_pairs(images, relations, 1, budget, 0.25, torch.Generator().manual_seed(seed))
             for seed in (0, 0, 1)]
    pairs, predicates = draws[0]
    assert (predicates > 0).sum() == budget // 4
    assert (predicates == 0).sum() == budget - budget // 4
    annotated = {(i, j) for _, i, j, _ in relations.tolist()}
    assert all(((i, j) in annotated) == bool(label) for (i, j), label in zip(pairs.tolist(), predicates, strict=True))
    assert torch.equal(draws[0][0], draws[1][0])
    assert not torch.equal(draws[0][0], draws[2][0])
