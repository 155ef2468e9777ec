"""The losses of PE-Net, against loops."""

import pytest
import torch

from sgg.models.heads.penet.losses import pair_distance, prototype_distance, prototype_similarity, squared_distances


def squared(a, b) -> float:
    return float((a - b).square().sum())


@pytest.mark.parametrize("count", [2, 14])
def test_prototype_similarity_against_loops(count: int) -> None:
    prototypes = torch.randn(count, 5, dtype=torch.float64)
    lengths = []
    for one in prototypes:
        cosines = [float(one @ other / one.norm() / other.norm()) for other in prototypes]
        lengths.append(sum(value ** 2 for value in cosines) ** 0.5)
    assert float(prototype_similarity(prototypes)) == pytest.approx(sum(lengths) / count ** 2)


def test_prototype_distance_against_loops() -> None:
    """The first two are 1 apart, the third is 5 from both: 7 - 1, 7 - 1, and nothing, as 25 and more are above 7."""
    prototypes = torch.tensor([[0.0, 0], [1, 0], [0, 5]], requires_grad=True)
    loss = prototype_distance(prototypes)
    assert loss.item() == pytest.approx(12 / 3)
    loss.backward()
    assert torch.equal(prototypes.grad, torch.tensor([[2.0, 0], [-2, 0], [0, 0]]) / 3)  # apart by gradient descent


@pytest.mark.parametrize("count", [3, 11, 14])
def test_pair_distance_against_loops(count: int) -> None:
    """With 3 prototypes two are others, with 11 ten, with 14 more than are taken."""
    pairs, prototypes = torch.randn(6, 4, dtype=torch.float64), torch.randn(count, 4, dtype=torch.float64)
    predicates = torch.tensor([0, 1, 2, 0, 2, 1])
    losses = []
    for pair, predicate in zip(pairs, predicates.tolist(), strict=True):
        others = sorted(squared(pair, prototypes[other]) for other in range(count) if other != predicate)
        losses.append(max(0.0, squared(pair, prototypes[predicate]) - sum(others[:10]) / 10 + 1))
    assert any(losses)
    assert float(pair_distance(pairs, prototypes, predicates)) == pytest.approx(sum(losses) / 6)


def test_pair_distance_without_pairs() -> None:
    assert pair_distance(torch.zeros(0, 4), torch.randn(3, 4), torch.zeros(0, dtype=torch.long)) == 0


def test_squared_distances() -> None:
    points, others = torch.randn(5, 3), torch.randn(4, 3)
    expected = torch.tensor([[squared(point, other) for other in others] for point in points])
    torch.testing.assert_close(squared_distances(points, others), expected)
    assert (squared_distances(points, points) >= 0).all()
