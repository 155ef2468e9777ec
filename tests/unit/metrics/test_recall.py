"""Recall by hand from ranks, and the three ways to average it."""

import numpy as np
import pytest

from sgg.metrics.recall import KINDS, RecallTally, harmonic_mean, mean_recall, shot_subset

NEVER = 1 << 30


def tally(rows, ks, num_predicates=4):
    """rows: (image, predicate, shots, rank in every ranked list)."""
    image, predicate, shots, rank = np.array(rows).T
    counted = RecallTally(num_predicates, ks, num_weights=1)
    counted.add(image, predicate, shots, 1 / (shots + 1), np.tile(rank, (1, 3, 1)))
    return counted


def test_recall_tally_of_three_relations_of_which_two_are_found():
    """An image with three relations, found at ranks 1 and 40 and never: R@20 = 1/3, R@50 = 2/3."""
    images, relations, recall = tally([(0, 1, 200, 1), (0, 1, 200, 40), (0, 1, 200, NEVER)], ks=(20, 50)).means()
    assert (images[0, 0], relations[0, 0]) == (1, 3)
    assert recall[0, 0, 0, KINDS.index("R")] == pytest.approx([1 / 3, 2 / 3])


def test_recall_tally_weighs_images_equally_but_pools_given_pairs():
    """One of one relation found, and one of three: R = (1 + 1/3) / 2, A = 2/4."""
    rows = [(0, 1, 200, 0), (1, 1, 200, 0), (1, 1, 200, NEVER), (1, 2, 200, NEVER)]
    _, _, recall = tally(rows, ks=(20,)).means()
    assert recall[0, 0, 0, :, 0] == pytest.approx([2 / 3, 2 / 3, 1 / 2, 2 / 3])
    # predicate 1: (1 + 1/2) / 2; predicate 2: 0; predicate 3 never occurs
    assert recall[0, 1:, 0, 0, 0] == pytest.approx([3 / 4, 0, np.nan], nan_ok=True)


def test_recall_tally_weighs_rare_relations_more():
    """A found relation with training count 0 (weight 1) and a missed one with count 3 (weight 1/4): 1 / 1.25."""
    _, _, recall = tally([(0, 1, 0, 0), (0, 1, 3, NEVER)], ks=(20,)).means()
    assert recall[0, 0, 0, KINDS.index("ngR-weighted"), 0] == pytest.approx(0.8, abs=1e-12)


def test_recall_tally_keeps_the_relations_of_subsets_apart():
    assert shot_subset(np.array([0, 1, 10, 11, 100, 101])).tolist() == [1, 2, 2, 3, 3, 0]
    rows = [(0, 1, 0, 0), (0, 1, 5, NEVER), (1, 1, 101, 0), (2, 2, 50, 0)]
    images, relations, recall = tally(rows, ks=(20,)).means()
    assert images[:, 0].tolist() == [3, 1, 1, 1]
    assert relations[:, 0].tolist() == [4, 1, 1, 1]
    assert recall[:, 0, 0, 0, 0].tolist() == [pytest.approx(2.5 / 3), 1, 0, 1]


def test_recall_tally_excludes_a_rank_of_k():
    _, _, recall = tally([(0, 1, 200, 20)], ks=(20, 21)).means()
    assert recall[0, 0, 0, 0].tolist() == [0, 1]


def test_mean_recall_divides_by_every_predicate_or_by_those_present():
    recall = np.array([[0.5], [np.nan], [1.0]])
    assert mean_recall(recall) == pytest.approx([0.5])
    assert mean_recall(recall, absent_count=False) == pytest.approx([0.75])
    assert np.isnan(mean_recall(np.full((3, 1), np.nan))).all()


def test_harmonic_mean():
    got = harmonic_mean(np.array([0.5, 0, np.nan]), np.array([0.25, 0, np.nan]))
    assert got == pytest.approx([1 / 3, 0, np.nan], nan_ok=True)
