"""Head, body and tail: the predicates of a data set in three groups, by their numbers of relations in training.

Predicates are ordered by falling number of relations in the train split, equal ones by their own number. The head is
the first third of them, rounded down, but at least one. The rest is halved into body and tail; of an odd rest the tail
has one more. So the 50 predicates of Visual Genome give 16, 17 and 17. Groups by rank, unlike those by fixed numbers of
relations, suit data of any size.
"""

from __future__ import annotations

import numpy as np

from sgg.common.metric_names import PREDICATE_GROUPS
from sgg.metrics.recall import mean_recall


def predicate_groups(training: np.ndarray) -> np.ndarray:
    """[R - 1] the group of each predicate from 1 on, as its place in PREDICATE_GROUPS.

    training: [R - 1] how many relations of the train split have each predicate.
    """
    count = len(training)
    head = max(1, count // 3)
    body = head + (count - head) // 2
    rank = np.empty(count, np.int64)
    rank[np.argsort(-training, kind="stable")] = np.arange(count)
    return np.searchsorted([head, body], rank, side="right")


def group_means(recall: np.ndarray, groups: np.ndarray, absent_count: bool = True) -> dict[str, float]:
    """The mean recall of each of PREDICATE_GROUPS; NaN for a group without a predicate, or without a relation.

    recall: [R - 1] of each predicate, NaN for one without a relation. groups: [R - 1] from `predicate_groups`.
    absent_count: as in `mean_recall`. With it, the means weighted by the sizes of the groups give mR.
    """
    return {name: float(mean_recall(recall[groups == place], absent_count)) if (groups == place).any() else float("nan")
            for place, name in enumerate(PREDICATE_GROUPS)}
