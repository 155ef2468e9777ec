"""Statistics of the training data, from which losses, heads and adjustments are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from .counterfactual import Trained
    from .derived import DerivedFile


class Statistics(Protocol):
    """Counts and vectors of the training data, each computed at its first use, and what is trained on them."""

    @property
    def trained(self) -> Trained:
        """The settings that the model is trained with, as far as adjustments depend on them."""

    @property
    def num_classes(self) -> int:
        """C, background included."""

    @property
    def num_predicates(self) -> int:
        """R, background included."""

    @property
    def triplets(self) -> tuple[np.ndarray, np.ndarray]:
        """[K, 3] subject class, predicate and object class of each training triplet, and [K] the triplet counts."""

    @property
    def pair_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """[C, C, R] counts of training relations by subject class, object class and predicate, and [C, C] counts of
        overlapping pairs by both classes."""

    @property
    def word_vectors(self) -> tuple[Tensor, Tensor]:
        """[C, D] vectors of classes, and [R, D] of predicates."""

    def derived(self, file: DerivedFile) -> Mapping[str, np.ndarray]:
        """The arrays of a file that follows from the training data. It is made if it is not there."""


def predicate_counts(statistics: Statistics) -> np.ndarray:
    """[R] float64: the number of training relations of each predicate; 0 for the background."""
    import numpy as np

    triplets, counts = statistics.triplets
    return np.bincount(triplets[:, 1], weights=counts, minlength=statistics.num_predicates)


def predicate_prior(statistics: Statistics) -> np.ndarray:
    """[R] each predicate's fraction of the training relations; 1 for the background, which is no relation, so that its
    logarithm is 0. A predicate that does not occur counts as if it occurred once."""
    import numpy as np

    counts = predicate_counts(statistics)[1:].clip(min=1)
    return np.concatenate([[1.0], counts / counts.sum()])
