import math
import random
from platform.results.report.importance import Effect, Group, are_numbers, effects, groups_of, share

import pytest
from scipy.stats import f_oneway, sem


def test_groups_of_words_and_few_numbers_keeps_each_value():
    assert groups_of(["gan", "off", None, "gan"]) == [Group("gan", [0, 3]), Group("off", [1])]
    assert groups_of([10, 2, 10]) == [Group("2", [1]), Group("10", [0, 2])]


def test_are_numbers():
    """Truth values are categories, although Python counts with them."""
    assert [are_numbers(values) for values in ([1, 2.5, None], ["off", 1], [True, False], ["gan"])] == [
        True, False, False, False]


def test_groups_of_many_numbers_cuts_four_equal_groups():
    groups = groups_of([0.8, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    assert [group.members for group in groups] == [[1, 2], [3, 4], [5, 6], [7, 0]]
    assert groups[0].label == "0.1 to 0.2"


def test_groups_of_numbers_never_parts_equal_values():
    values = [1, 1, 1, 1, 1, 2, 3, 4, 5]
    (first,) = [group for group in groups_of(values) if 0 in group.members]
    assert first.members == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(5))
def test_share_is_epsilon_squared_of_f(seed):
    """epsilon^2 = dfb (F - 1) / (dfb F + dfw), with scipy's F."""
    draw = random.Random(seed)
    values = {number: draw.gauss(0.3 * (number % 3), 1.0) for number in range(15)}
    groups = [Group(str(kind), [number for number in range(15) if number % 3 == kind]) for kind in range(3)]
    f = f_oneway(*([values[number] for number in group.members] for group in groups)).statistic
    assert share(groups, values) == pytest.approx(max(0.0, 2 * (f - 1) / (2 * f + 12)))


def test_share_needs_groups_and_variance():
    groups = [Group("a", [0, 1]), Group("b", [2, 3])]
    assert share(groups, {0: 0.0, 1: 0.0, 2: 1.0, 3: 1.0}) == 1.0
    assert share(groups, {0: 0.5, 1: 0.5, 2: 0.5, 3: 0.5}) is None
    assert share(groups, {0: 0.5, 1: 0.6}) is None
    assert share(groups, {0: 0.5, 2: 0.6}) is None  # a configuration a group: nothing is left to tell noise by


def test_effects_are_means_with_standard_errors():
    groups = [Group("a", [0, 1, 2]), Group("b", [3]), Group("c", [4])]
    first, second, third = effects(groups, {0: 0.1, 1: 0.2, 2: 0.6, 3: 0.4})
    assert first == Effect(pytest.approx(0.3), pytest.approx(sem([0.1, 0.2, 0.6])), 3)
    assert (second, third) == (Effect(0.4, None, 1), None)
    assert math.isclose(first.error, 0.1527525, rel_tol=1e-6)  # deviation .264575 / sqrt 3
