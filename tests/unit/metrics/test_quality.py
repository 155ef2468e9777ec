"""Feature quality against a slow implementation of the definitions, and edge cases."""

import numpy as np
import pytest
import scipy.linalg
import torch

from sgg.metrics import quality
from sgg.metrics.quality import comparable_quality, coverage_metrics, feature_quality, frechet_distance


def oracle(real, fake, k):
    def radius(samples, i):
        return sorted(np.linalg.norm(samples[i] - other) for j, other in enumerate(samples) if j != i)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    fake_radii = [radius(fake, j) for j in range(len(fake))]
    inside = np.array([[np.linalg.norm(r - f) < real_radii[i] for f in fake] for i, r in enumerate(real)])
    covering = np.array([[np.linalg.norm(r - f) < fake_radii[j] for j, f in enumerate(fake)] for r in real])
    precision, coverage = inside.any(0).mean(), inside.any(1).mean()
    return precision, covering.any(1).mean(), inside.sum(0).mean() / k, coverage


@pytest.mark.parametrize("shape", [(30, 40, 3), (41, 17, 60)])
def test_coverage_metrics_equal_the_definitions_for_all_block_sizes(shape, monkeypatch):
    real_count, fake_count, width = shape
    rng = np.random.default_rng(real_count)
    real, fake = rng.standard_normal((real_count, width)), 0.3 + rng.standard_normal((fake_count, width))
    whole = coverage_metrics(real, fake, ks=(5, 1, 16))
    monkeypatch.setattr(quality, "BLOCK", 100)
    in_blocks = coverage_metrics(torch.tensor(real), torch.tensor(fake), ks=(5, 1, 16))
    assert whole == in_blocks
    for k, metrics in whole.items():
        np.testing.assert_allclose(metrics, oracle(real, fake, k), atol=1e-12)


def test_coverage_metrics_compare_strictly_on_a_grid():
    # Neighbours of a unit grid are exactly one apart, so every ball of k = 1 has radius 1. Generated samples lie one
    # grid step next to the real samples: at distance 1 of the nearest, which is not inside its ball.
    real = np.array([[0.0], [1.0], [2.0]])
    fake = np.array([[3.0], [4.0], [5.0]])
    assert coverage_metrics(real, fake, [1])[1] == (0, 0, 0, 0)
    assert coverage_metrics(real, fake - 0.5, [1])[1] == pytest.approx((1 / 3, 1 / 3, 1 / 3, 1 / 3))


def test_coverage_metrics_of_repeated_real_samples():
    # k = 1: the balls of the two at 0 have radius 0 and hold nothing; that of 5 has radius 5 and holds .1 and .2.
    real, fake = np.array([[0.0], [0.0], [5.0]]), np.array([[0.0], [0.1], [0.2]])
    assert coverage_metrics(real, fake, [1])[1].density == pytest.approx(2 / 3)
    assert coverage_metrics(real, fake, [2])[2].coverage == 1


def test_feature_quality_of_the_same_samples():
    samples = np.random.default_rng(0).standard_normal((50, 4))
    found = feature_quality(samples, samples, ks=(3,))
    assert found["frechet"] == pytest.approx(0, abs=1e-12)
    assert (found["precision@3"], found["recall@3"], found["coverage@3"]) == (1, 1, 1)


def test_frechet_distance_equals_the_matrix_root():
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((90, 6)), rng.standard_normal((70, 6)) @ rng.standard_normal((6, 6))
    covariances = np.cov(real.T), np.cov(fake.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.square(real.mean(0) - fake.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_with_fewer_samples_than_dimensions():
    # Two samples each, on two axes at right angles: S1 S2 = 0, so the distance is the two variances (2 and 8) and the
    # squared distance of the means (0).
    real, fake = np.zeros((2, 100)), np.zeros((2, 100))
    real[:, 0], fake[:, 1] = (1, -1), (2, -2)
    assert frechet_distance(real, fake) == pytest.approx(10)


def test_feature_quality_refuses_bad_input():
    with pytest.raises(ValueError, match=r"must be \[n, D\] and \[m, D\], got \[4, 3\] and \[4, 2\]"):
        coverage_metrics(np.zeros((4, 3)), np.zeros((4, 2)), [1])
    with pytest.raises(ValueError, match=r"ks must be in 1 \.\. 3, one less than the smaller sample, got \[1, 4\]"):
        coverage_metrics(np.zeros((9, 3)), np.zeros((4, 3)), [1, 4])
    with pytest.raises(ValueError, match="at least 2 samples, got 1 and 4"):
        frechet_distance(np.zeros((1, 3)), np.zeros((4, 3)))


def test_comparable_quality_leaves_out_ks_beyond_a_small_sample():
    real = np.random.default_rng(0).standard_normal((9, 3))
    assert set(comparable_quality(real, real[:4], (1, 3, 5))) == {"frechet", *(
        f"{name}@{k}" for name in ("precision", "recall", "density", "coverage") for k in (1, 3))}
    assert comparable_quality(real, real[:1], (1, 3)) == {}
