"""Recall of each predicate, which comes from the counts of the same evaluation as all metrics.

A trial keeps that of its last evaluation (val after an epoch, test at the end) in predicates.json, without adjustments:

    format       1
    split, epoch what was measured, and after how many epochs
    predicates   names, without the background; every list below has their order
    training     how many relations of the train split have each predicate
    relations    how many relations of the measured split have it
    groups       head, body or tail (sgg/metrics/predicate_groups.py)
    recall       mode -> R@K and ngR@K -> recall of each predicate, null for one without a relation
    means        mode -> R@K and ngR@K -> the mean of each group
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.atomic import write_json
from sgg.common.metric_names import PREDICATE_GROUPS, headline_ks
from sgg.common.run_log import PREDICATES
from sgg.metrics import SceneGraphMetrics
from sgg.metrics.predicate_groups import group_means, predicate_groups

FORMAT = 1
DIGITS = 5
Recall = dict[str, dict[str, list[float | None]]]
Means = dict[str, dict[str, dict[str, float | None]]]


@dataclass(frozen=True)
class PredicateRecall:
    """Recall of each predicate, as fractions of 1. The fields are those of predicates.json (see above)."""

    predicates: list[str]
    training: list[int]
    relations: list[int]
    groups: list[str]
    recall: Recall
    means: Means

    @classmethod
    def of(cls, metrics: Mapping[str, SceneGraphMetrics], predicates: Sequence[str], pred_weight: float = 0.0,
           ks: Sequence[int] | None = None) -> PredicateRecall:
        """The recall of each predicate of counted images.

        metrics: of each mode, all of one data set. predicates: names, background first. ks: None: the K of tables.
        """
        first = next(iter(metrics.values()))
        training = first.training_counts
        groups = predicate_groups(training)
        recall: Recall = {}
        means: Means = {}
        for mode, of_mode in metrics.items():
            found = of_mode.predicate_recall(pred_weight, ks or headline_ks(of_mode.ks))
            recall[mode] = {name: [_known(value) for value in values.tolist()] for name, values in found.items()}
            means[mode] = {name: {group: _known(value) for group, value in group_means(
                values, groups, of_mode.conventions.absent_predicates_count).items()} for name, values in found.items()}
        return cls(list(predicates[1:]), training.tolist(), first.relation_counts.tolist(),
                   [PREDICATE_GROUPS[group] for group in groups], recall, means)

    def write(self, directory: Path, split: str, epoch: int) -> None:
        """Write predicates.json of a trial's folder, complete or not at all."""
        content = {"format": FORMAT, "split": split, "epoch": epoch, **self.to_json()}
        write_json(directory / PREDICATES, content, indent=None)

    def to_json(self) -> dict[str, Any]:
        """The fields as they are written: recall has `DIGITS` digits."""
        return _rounded(asdict(self))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _rounded(value: Any) -> Any:
    """A JSON value with all its fractions rounded."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def order_of(training: Sequence[int]) -> list[int]:
    """The places of predicates by falling number of relations in training, as in tables."""
    return np.argsort(-np.asarray(training), kind="stable").tolist()
