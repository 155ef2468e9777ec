"""The bank of relations, and what blends its features in, beside loops in plain Python."""

import numpy as np
import pytest
import torch

from sgg.augmentations.feature_mixing.bank import Bank, Direction, first_of_each, occurrences
from sgg.augmentations.feature_mixing.blend import Blend

CLASSES = 4


@pytest.fixture
def table():
    """60 relations of 3 classes and 2 predicates, and 40 queries."""
    draw = np.random.default_rng(0)
    triplets = np.column_stack([draw.integers(1, CLASSES, 60), draw.integers(1, 3, 60), draw.integers(1, CLASSES, 60)])
    queries = np.column_stack([draw.integers(0, CLASSES, 40), draw.integers(0, 3, 40), draw.integers(0, CLASSES, 40)])
    return triplets, draw.normal(size=(60, 2)) * 9, queries, draw.normal(size=(40, 2)) * 9, draw.random(40)


def agrees(own, banked, published: bool) -> bool:
    product, lengths = own @ banked, (np.linalg.norm(own), np.linalg.norm(banked))
    return product / lengths[0] * lengths[1] > 0.7 if published else product / lengths[0] / lengths[1] > 0.7


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("asked", ["pairs", "subjects", "objects"])
def test_bank_draws_evenly_among_what_fits(table, published: bool, asked: str) -> None:
    triplets, vectors, queries, own, uniform = table
    numbers, groups = np.arange(60) + 100, np.array([0, 1, 1, 2])
    bank = Bank(triplets, vectors, numbers, Direction(0.7, published), CLASSES)
    subjects, predicates, objects = queries.T
    if asked == "pairs":
        found = bank.for_pairs((subjects, objects), own, uniform)
    else:
        role = ("subjects", "objects").index(asked)
        known = predicates, (objects, subjects)[role]
        found = bank.for_ends(role, known, (subjects, objects)[role], groups, own, uniform)
    assert (found >= 0).any()
    for query, row in enumerate(found.tolist()):
        s, p, o = queries[query]
        wanted = {"pairs": (s, o), "subjects": (p, o, groups[s]), "objects": (p, s, groups[o])}[asked]
        rows = []
        for row_of_bank, (t, q, u) in enumerate(triplets):
            given = {"pairs": (t, u), "subjects": (q, u, groups[t]), "objects": (q, t, groups[u])}[asked]
            if given == wanted and agrees(own[query], vectors[row_of_bank], published):
                rows.append(row_of_bank)
        assert row == (rows[int(uniform[query] * len(rows))] if rows else -1)


def test_direction_published_takes_any_acute_angle() -> None:
    """45 degrees have a cosine of .71, 60 degrees of .5; a pair without distance fits nothing."""
    own = np.array([[1.0, 0.0], [1, 0], [1, 0], [0, 0]])
    angles = np.radians([45, 60, 100, 0])
    banked = 50 * np.column_stack([np.cos(angles), np.sin(angles)])
    assert Direction(0.7).agrees(own, banked).tolist() == [True, False, False, False]
    assert Direction(0.7, published=True).agrees(own, banked).tolist() == [True, True, False, False]


def test_occurrences_count_before_and_after() -> None:
    before, after = occurrences(np.array([5, 2, 5, 5, 2]))
    assert before.tolist() == [0, 0, 1, 2, 1]
    assert after.tolist() == [2, 1, 1, 0, 0]


def test_first_of_each_keeps_the_first_relations_of_a_triplet() -> None:
    rows = np.array([[1, 1, 2], [1, 1, 2], [2, 1, 1], [1, 1, 2]])
    assert first_of_each(rows, 2).tolist() == [True, True, True, False]


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_blend_is_one_after_another(share: float) -> None:
    table, features = torch.randn(5, 3, 2), torch.randn(6, 3, 2)
    rows, expected = np.array([0, 3, 0, 4, 0, 3]), table.clone()
    for row, feature in zip(rows.tolist(), features, strict=True):
        expected[row] = share * feature + (1 - share) * expected[row]
    torch.testing.assert_close(Blend.of(rows, 5, share)(table, features), expected)
    nothing = Blend.of(rows[:0], 5, share)(table, features[:0])
    assert torch.equal(nothing, table)
