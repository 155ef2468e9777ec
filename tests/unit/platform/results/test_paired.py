"""Paired differences with blocks, beside scipy, a linear model, and an enumeration."""

import itertools
import random
from platform.results.paired import holm, paired

import numpy as np
import pytest
from scipy import stats


def drawn(seed, sizes):
    draw = random.Random(seed)
    return {str(block): [draw.gauss(block, 1) for _ in range(size)] for block, size in enumerate(sizes)}


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_paired_on_one_data_set_is_the_paired_t_test(n):
    differences = drawn(n, [n])["0"]
    found, wanted = paired({"": differences}), stats.ttest_1samp(differences, 0)
    assert (found.mean, found.p) == (pytest.approx(np.mean(differences)), pytest.approx(wanted.pvalue, abs=1e-12))
    assert [found.low, found.high] == pytest.approx(list(wanted.confidence_interval(0.95)))
    assert (found.across, found.n, found.blocks) == (None, n, 1)


@pytest.mark.parametrize("sizes", [[5, 5, 5], [5, 4, 2], [1, 3], [2, 2, 1, 7]])
def test_paired_is_a_linear_model_with_a_level_for_each_data_set(sizes):
    """By least squares: the estimate is the mean of the levels, its error that of this contrast."""
    differences = drawn(sum(sizes), sizes)
    design = np.repeat(np.eye(len(sizes)), sizes, 0)
    values = np.concatenate(list(differences.values()))
    levels, *_ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(values) - len(sizes)
    contrast = np.full(len(sizes), 1 / len(sizes))
    noise = ((values - design @ levels) ** 2).sum() / freedom
    variance = noise * contrast @ np.linalg.inv(design.T @ design) @ contrast
    found = paired(differences)
    assert found.mean == pytest.approx(contrast @ levels)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(contrast @ levels) / np.sqrt(variance), freedom), abs=1e-12)
    assert [found.low, found.high] == pytest.approx(
        list(stats.t.interval(0.95, freedom, contrast @ levels, np.sqrt(variance))))
    assert found.across == pytest.approx(stats.ttest_1samp(levels, 0).pvalue, abs=1e-12)


def test_paired_by_hand():
    """Data set a: 1, 3 (mean 2, squares 2); b: 5, 7 (mean 6, squares 2). Mean 4; s^2 = 4 / 2 = 2; error =
    sqrt(2 (1/2 + 1/2)) / 2 = .7071; t = 5.657 with 2 degrees of freedom. Over data sets: error = sqrt(8 / 2) = 2, t = 2
    with 1 degree of freedom, p = 1 - 2 arctan(2) / pi = .2952."""
    found = paired({"a": [1, 3], "b": [5, 7]})
    assert (found.mean, found.n, found.blocks) == (4, 4, 2)
    assert found.high - found.mean == pytest.approx(4.302653 * 0.5 ** 0.5, abs=1e-5)
    assert found.p == pytest.approx(0.0299, abs=1e-4)
    assert found.across == pytest.approx(0.2952, abs=1e-4)


def test_paired_is_blind_to_how_the_data_sets_differ_in_its_p_and_not_across():
    near, far = paired({"a": [1, 2, 3], "b": [1.5, 2.5, 3.5]}), paired({"a": [-9, -8, -7], "b": [11.5, 12.5, 13.5]})
    assert near.p == pytest.approx(far.p)
    assert near.across < 0.1 < 0.8 < far.across


def test_paired_with_too_little_for_a_test():
    assert paired({}) is None
    assert paired({"a": []}) is None
    one = paired({"a": [0.5]})
    assert (one.mean, one.low, one.high, one.p, one.across, one.n) == (0.5, None, None, None, None, 1)
    each = paired({"a": [1.0], "b": [2.0], "c": [3.0]})  # one seed: only the data sets can be tested
    assert (each.p, each.low, each.across) == (None, None, pytest.approx(stats.ttest_1samp([1, 2, 3], 0).pvalue))
    equal = paired({"a": [0.25, 0.25], "b": [0.25, 0.25]})
    assert (equal.mean, equal.low, equal.high, equal.p, equal.across) == (0.25, None, None, None, None)


def test_paired_holds_its_level():
    """Of many tests without a difference, 5 % find one: also where data sets differ, if the question is about these."""
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(4000, 3, 5))
    levels = np.array([-2.0, 0.5, 1.5])[:, None]  # their mean is 0: no effect on these data sets
    within = [paired(dict(enumerate(trial.tolist()))).p for trial in noise + levels]
    assert np.mean(np.array(within) < 0.05) == pytest.approx(0.05, abs=0.012)
    drawn_levels = generator.normal(size=(4000, 3, 1)) * 2
    across = [paired(dict(enumerate(trial.tolist()))).across for trial in noise + drawn_levels]
    assert np.mean(np.array(across) < 0.05) == pytest.approx(0.05, abs=0.012)


def closed_testing(values):
    """Holm's correction by its definition as a closed test: of each hypothesis the worst Bonferroni p of all sets of
    hypotheses that hold it."""
    found = []
    for one in range(len(values)):
        sets = [chosen for size in range(1, len(values) + 1)
                for chosen in itertools.combinations(range(len(values)), size) if one in chosen]
        found.append(max(min(1.0, len(chosen) * min(values[place] for place in chosen)) for chosen in sets))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_closed_testing(seed):
    draw = random.Random(seed)
    values = [draw.random() ** 3 for _ in range(draw.randrange(1, 8))] + [0.02, 0.02]
    assert holm(values) == pytest.approx(closed_testing(values))


def test_holm_leaves_missing_tests_out():
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert holm([None]) == [None]
    assert holm([]) == []
