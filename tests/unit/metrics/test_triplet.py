"""Counts of triplets and the metrics of their ranks."""

import numpy as np
import pytest

from sgg.metrics.triplet import TRIPLET_KS, ShotCounts, TripletTally, triplet_code, triplet_metrics


def test_shot_counts_by_triplet():
    counts = ShotCounts({(2, 1, 3): 7, (1, 50, 65535): 2, (3, 1, 2): 0})
    subjects, predicates, objects = np.array([[2, 1, 3], [3, 1, 2], [1, 50, 65535], [65535, 2047, 65535]]).T
    assert counts(triplet_code(subjects, predicates, objects)).tolist() == [7, 0, 2, 0]


def test_triplet_code_keeps_the_order_of_triplets():
    triplets = sorted((s, p, o) for s in (1, 2, 65535) for p in (1, 2047) for o in (1, 65535))
    codes = triplet_code(*np.array(triplets).T)
    assert (np.diff(codes) > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_triplet_metrics_equal_those_of_the_pooled_ranks(seed):
    rng = np.random.default_rng(seed)
    codes, ranks = rng.integers(0, 6, 101), rng.choice([0, 1, 4, 5, 19, 20, 60, 301], (2, 101))
    train = np.arange(6) * 3
    tally = TripletTally(num_weights=2)
    for part in np.array_split(np.arange(101), 4):
        tally.add(codes[part], ranks[:, part])
    for weight, pooled in enumerate(ranks):
        counted = tally.counts(weight)
        got = triplet_metrics(*counted, train[counted[0]], single_precision=False)
        rarity, medians = 1 / (train[codes] + 1), np.array([np.median(pooled[codes == c]) for c in range(6)])
        want = {"triplet-rank-mean": pooled.mean(), "triplet-rank-median": np.median(pooled),
                "triplet-rank-class-median": medians.mean(),
                "triplet-rank-mean-weighted": (pooled * rarity).sum() / rarity.sum(),
                "triplet-rank-class-median-weighted": (medians / (train + 1)).sum() / (1 / (train + 1)).sum()}
        for k in TRIPLET_KS:
            want[f"triplet-R@{k}"] = (pooled < k).mean()
            want[f"triplet-R@{k}-weighted"] = ((pooled < k) * rarity).sum() / rarity.sum()
        assert got == pytest.approx(want, rel=1e-12)


def test_triplet_metrics_without_a_relation_are_nan_under_the_same_names():
    none = np.empty(0, np.int64)
    one = np.ones(1, np.int64)
    empty = triplet_metrics(none, none, none, none)
    assert empty.keys() == triplet_metrics(one, one, one, one).keys()
    assert np.isnan(list(empty.values())).all()
