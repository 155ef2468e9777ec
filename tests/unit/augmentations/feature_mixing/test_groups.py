"""Groups of predicates and classes of any training data."""

from types import SimpleNamespace

import numpy as np
import torch

from sgg.augmentations.feature_mixing.groups import class_groups, is_head, is_tail


def test_predicates_have_the_groups_of_the_metrics() -> None:
    """Six predicates: two of the head, two of the body, two of the tail; the background is in no bank."""
    counts = [9, 1, 8, 3, 2, 4]
    triplets = np.array([[1, predicate, 1] for predicate in range(1, 7)])
    statistics = SimpleNamespace(num_predicates=7, triplets=(triplets, np.array(counts)))
    assert np.flatnonzero(is_head(statistics)).tolist() == [0, 1, 3]
    assert np.flatnonzero(is_tail(statistics)).tolist() == [2, 5]


def same(groups: np.ndarray) -> np.ndarray:
    return groups[:, None] == groups[None, :]


def test_class_groups_are_clusters_of_directions() -> None:
    """Three directions with small differences, of any length; the background is alone."""
    torch.manual_seed(0)
    centres = torch.eye(3)[torch.tensor([0, 1, 2, 0, 1, 0])]
    vectors = torch.cat([torch.ones(1, 3), (centres + 0.05 * torch.randn(6, 3)) * torch.rand(6, 1).add(0.1)])
    groups = class_groups(vectors, 3)
    assert groups[0] == 0
    assert len(set(groups[1:])) == 3
    wanted = centres.argmax(1).numpy()
    assert (same(groups[1:]) == same(wanted)).all()
    assert (class_groups(vectors, 3) == groups).all()


def test_class_groups_are_a_tenth_of_the_classes() -> None:
    """As the 15 of Visual Genome. Classes without a vector, and a single class, have a group too."""
    vectors = torch.randn(151, 20, generator=torch.Generator().manual_seed(0))
    assert len(set(class_groups(vectors)[1:])) == 15
    assert len(set(class_groups(torch.zeros(5, 3))[1:])) == 1
    assert class_groups(torch.ones(2, 3)).tolist() == [0, 1]
