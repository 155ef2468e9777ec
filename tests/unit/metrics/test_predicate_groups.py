"""Head, body and tail predicates."""

import math
from collections import Counter

import numpy as np
import pytest

from sgg.common.metric_names import PREDICATE_GROUPS
from sgg.metrics import SceneGraphMetrics
from sgg.metrics.predicate_groups import group_means, predicate_groups
from tests.oracles.scenes import PREDICATES, TRAIN, scenes


def sizes(count: int) -> list[int]:
    found = Counter(predicate_groups(np.arange(count)[::-1]).tolist())
    return [found[place] for place in range(len(PREDICATE_GROUPS))]


@pytest.mark.parametrize(("count", "wanted"), [(50, [16, 17, 17]), (10, [3, 3, 4]), (3, [1, 1, 1]), (2, [1, 0, 1]),
                                               (1, [1, 0, 0]), (100, [33, 33, 34])])
def test_predicate_groups_has_a_third_in_the_head_and_halves_the_rest(count, wanted) -> None:
    assert sizes(count) == wanted


def test_predicate_groups_orders_by_count_and_equal_ones_by_number() -> None:
    assert [PREDICATE_GROUPS[group] for group in predicate_groups(np.array([5, 0, 70, 5, 5, 9]))] == [
        "body", "tail", "head", "body", "tail", "head"]


@pytest.mark.parametrize("absent_count", [True, False])
def test_group_means_by_their_sizes_give_mean_recall(absent_count) -> None:
    """With absent predicates as 0 the sizes are all predicates of a group; without, those that occur."""
    metrics = SceneGraphMetrics("sgcls", PREDICATES, TRAIN, absent_predicates_count=absent_count)
    for truth, prediction in scenes("sgcls", 30):
        metrics.update(truth, prediction)
    recall = metrics.predicate_recall()["R@20"]
    groups = predicate_groups(metrics.training_counts)
    sizes = {name: int((groups == place).sum()) for place, name in enumerate(PREDICATE_GROUPS)}
    means = group_means(recall, groups, absent_count)
    assert sum(means[name] * size for name, size in sizes.items()) / sum(sizes.values()) == pytest.approx(
        metrics.compute()["all/mR@20"])


def test_group_means_of_absent_predicates() -> None:
    recall, groups = np.array([0.5, math.nan, math.nan, math.nan]), np.array([0, 0, 1, 1])
    assert group_means(recall, groups) == pytest.approx({"head": 0.25, "body": math.nan, "tail": math.nan}, nan_ok=True)
    assert group_means(recall, groups, absent_count=False)["head"] == 0.5
