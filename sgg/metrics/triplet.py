"""Triplets (subject class, predicate, object class): their training counts, and recall and rank per triplet.

docs/SYSTEM.md section 6, "per-triplet metrics"; Knyazev et al. 2021 for the shot counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from sgg.common.metric_names import TRIPLET_KS
from sgg.metrics.tally import Tally, run_starts

# One int64 holds a triplet and a rank: 16 + 11 + 16 bits for the classes, 20 bits for the rank.
MAX_CLASSES = 1 << 16
MAX_PREDICATES = 1 << 11
MAX_RANK = (1 << 20) - 1


def triplet_code(subjects: np.ndarray, predicates: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """One int64 for each triplet of classes, in the order of (subject, predicate, object)."""
    return (subjects * MAX_PREDICATES + predicates) * MAX_CLASSES + objects


class ShotCounts:
    """How often each triplet occurs in training.

    Raises ValueError, naming the argument `name`, for a table without an occurrence (every triplet would count as
    zero-shot), for a key that is not (subject class, predicate, object class) with the predicate below
    `num_predicates`, and for a count that is not an integer >= 0.
    """

    def __init__(self, counts: Mapping[tuple[int, int, int], int], num_predicates: int = MAX_PREDICATES,
                 name: str = "train_triplets") -> None:
        if not any(counts.values()):
            raise ValueError(f"{name} is empty, so every triplet would count as zero-shot; give the training counts")
        for key, count in counts.items():
            if not (isinstance(key, tuple) and len(key) == 3):
                raise ValueError(f"{name} must have (subject, predicate, object) keys, got {key!r}")
            if count < 0 or count != int(count):
                raise ValueError(f"{name}[{key}] must be an integer >= 0, got {count}")
        triplets = np.array(list(counts), np.int64)
        limits = np.array([MAX_CLASSES, num_predicates, MAX_CLASSES])
        wrong = ((triplets < 1) | (triplets >= limits)).any(axis=1)
        if wrong.any():
            raise ValueError(f"{name} must have classes and predicates from 1 (0 is background), predicates below "
                             f"{num_predicates}, got {tuple(triplets[wrong][0].tolist())}")
        codes, numbers = triplet_code(*triplets.T), np.array(list(counts.values()), np.int64)
        order = np.argsort(codes)
        self.codes, self.numbers = codes[order], numbers[order]

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """[E] int64 training count of each triplet code; 0 for a triplet that never occurs."""
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[places] == codes, self.numbers[places], 0)

    def by_predicate(self, num_predicates: int) -> np.ndarray:
        """[R - 1] int64 how often each predicate from 1 on occurs."""
        predicates = self.codes // MAX_CLASSES % MAX_PREDICATES
        counts = np.zeros(num_predicates, np.int64)
        np.add.at(counts, predicates, self.numbers)
        return counts[1:]

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, ShotCounts) and np.array_equal(self.codes, other.codes)
                and np.array_equal(self.numbers, other.numbers))

    @classmethod
    def of_list(cls, triplets: Iterable[tuple[int, int, int]], num_predicates: int, name: str) -> ShotCounts:
        """A table with the count 1 for each triplet of a list. Raises ValueError, naming it, for an empty list and for
        wrong triplets."""
        counts = dict.fromkeys(triplets, 1)
        if not counts:
            raise ValueError(f"{name} is empty; give its triplets, or None where there is no list")
        return cls(counts, num_predicates, name)

    @classmethod
    def from_arrays(cls, codes: np.ndarray, numbers: np.ndarray) -> ShotCounts:
        """The table with these ascending codes and their counts."""
        counts = cls.__new__(cls)
        counts.codes, counts.numbers = codes, numbers
        return counts


class TripletTally:
    """How often relations of each triplet had each rank on their own pair of boxes, for W predicate weights at once."""

    def __init__(self, num_weights: int) -> None:
        self.tally = Tally(num_weights)
        self.num_weights = num_weights

    def add(self, codes: np.ndarray, ranks: np.ndarray) -> None:
        """Count relations. codes: [E] of their triplets. ranks: [W, E] from 0."""
        for weight, row in enumerate(ranks):
            once = np.zeros((len(codes), self.num_weights), np.int64)
            once[:, weight] = 1
            self.tally.add(codes * (MAX_RANK + 1) + np.minimum(row, MAX_RANK), once)

    def counts(self, weight: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Triplet codes [T], ranks [T] and the number of relations that have them [T], ordered by triplet, then rank.
        """
        keys, values = self.tally.items()
        present = values[:, weight] > 0
        codes, ranks = np.divmod(keys[present], MAX_RANK + 1)
        return codes, ranks, values[present, weight]


def triplet_metrics(codes: np.ndarray, ranks: np.ndarray, counts: np.ndarray, train_counts: np.ndarray,
                    single_precision: bool = True) -> dict[str, float]:
    """Recall and rank over relations pooled from all images, by name; NaN without a relation.

    codes, ranks, counts: [T] from `TripletTally.counts`. train_counts: [T] how often each triplet occurs in training.
    The weighted metrics weigh a relation (or, in the class median, a triplet) by 1 / (training count + 1).
    single_precision: round mean ranks to float32.
    """
    names = [f"triplet-R@{k}" for k in TRIPLET_KS]
    if not len(codes):
        ranked = [f"triplet-rank-{kind}" for kind in ("mean", "median", "class-median")]
        weighted = [*names, "triplet-rank-mean", "triplet-rank-class-median"]
        return dict.fromkeys([*names, *ranked, *(f"{name}-weighted" for name in weighted)], float("nan"))
    rounded = np.float32 if single_precision else np.float64
    rarity = 1 / (train_counts + 1)
    starts = run_starts(codes)
    medians = _medians(ranks, counts, starts)
    by_rank = np.argsort(ranks, kind="stable")
    values = {"triplet-rank-median": _medians(ranks[by_rank], counts[by_rank], np.zeros(1, np.int64))[0],
               "triplet-rank-class-median": medians.mean(),
               "triplet-rank-class-median-weighted": np.average(medians, weights=rarity[starts])}
    for suffix, weights in ("", counts), ("-weighted", counts * rarity):
        values[f"triplet-rank-mean{suffix}"] = rounded(np.average(ranks, weights=weights))
        for name, k in zip(names, TRIPLET_KS, strict=True):
            values[name + suffix] = np.average(ranks < k, weights=weights)
    return {name: float(value) for name, value in values.items()}


def _medians(values: np.ndarray, counts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The median of each run of `values` [T], which ascend within a run; each stands for `counts` [T] equal values."""
    through = np.cumsum(counts)
    size = np.add.reduceat(counts, starts)
    before = through[starts] - counts[starts]
    low, high = (np.searchsorted(through, before + middle, side="right") for middle in ((size - 1) // 2, size // 2))
    return (values[low] + values[high]) / 2
