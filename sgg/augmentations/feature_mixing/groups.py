"""Groups of predicates and of classes, computed from the training data of any data set."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from sgg.common.metric_names import PREDICATE_GROUPS
from sgg.methods.statistics import Statistics, predicate_counts
from sgg.metrics.predicate_groups import predicate_groups
from sgg.structures import Array, to_numpy

CLASSES_PER_GROUP = 10
"""The published groups of the 150 classes of Visual Genome are 15."""


def is_head(statistics: Statistics) -> np.ndarray:
    """[R] bool: whether each predicate is of the head; the background counts as such, so that it is of no bank."""
    return _is_of("head", statistics) | (np.arange(statistics.num_predicates) == 0)


def is_tail(statistics: Statistics) -> np.ndarray:
    """[R] bool: whether each predicate is of the tail (`sgg.metrics.predicate_groups`)."""
    return _is_of("tail", statistics)


def _is_of(name: str, statistics: Statistics) -> np.ndarray:
    groups = predicate_groups(predicate_counts(statistics)[1:])
    return np.concatenate([[False], groups == PREDICATE_GROUPS.index(name)])


def class_groups(vectors: Array, number: int | None = None) -> np.ndarray:
    """[C] the group of each class, from 1; 0 for the background.

    The classes are clustered by their word vectors [C, D]: the two groups whose members have the least mean distance
    are joined until there are `number` (average linkage, of vectors of length 1). None: a tenth of the classes. There
    may be fewer groups where vectors are equal. Words are vectors of meaning (GloVe) or of contexts in the training
    graphs (`embeddings.source`).
    """
    vectors = to_numpy(vectors)[1:].astype(np.float64)
    if len(vectors) < 2:
        return np.arange(len(vectors) + 1)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=np.finfo(float).tiny)
    number = number or max(1, round(len(vectors) / CLASSES_PER_GROUP))
    return np.concatenate([[0], fcluster(linkage(unit, "average"), number, "maxclust")])
