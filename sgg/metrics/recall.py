"""Recall at K: the fraction of an image's relations found among the first K predicted triplets, averaged over images.

docs/SYSTEM.md section 6. Shot subsets after Knyazev et al. 2020; mean recall after Chen et al. 2019 and Tang et al.
2019; pair accuracy A@K after Zhang et al. 2019 (graphical contrastive losses).

S subsets, W predicate weights, K cut-offs; R predicates, where index 0 is "all predicates together".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sgg.common.metric_names import SHOTS
from sgg.metrics.tally import Tally, run_starts

COUNTED = ("all", *SHOTS)
"""The subsets that follow from shots; counts use their index here, and after them those of other subsets."""
KINDS = ("R", "ngR", "A", "ngR-weighted")
RANKED_KINDS = KINDS[:3]
MAX_RELATIONS = 1 << 32
UNIT = float(1 << 40)
"""Fractions of weighted relations are summed as integers, in units of 2^-40, so the order of images does not matter."""


def shot_subset(shots: np.ndarray) -> np.ndarray:
    """[E] index into COUNTED of each relation, from its training count: zs 0, 10s 1..10, 100s 11..100, else "all"."""
    return np.select([shots <= most for _, most in SHOTS.values()], range(1, len(COUNTED)), 0)


class RecallTally:
    """Hits within K, counted by subset, predicate and number of relations in the image; mean recalls follow exactly.

    Images with the same number n of relations can be pooled, because their recalls are hits / n. One row for each
    (subset, predicate, n) holds the number of such images and their hits as integers.

    num_others: the number of subsets beside COUNTED. relative: after the cut-offs `ks`, count with one more, which is
    the number of annotated relations of the image.
    """

    def __init__(self, num_predicates: int, ks: tuple[int, ...], num_weights: int, num_others: int = 0,
                 relative: bool = False) -> None:
        self.num_predicates, self.ks, self.relative = num_predicates, np.array(ks), relative
        self.num_subsets = len(COUNTED) + num_others
        self.shape = (num_weights, len(KINDS), len(ks) + relative)
        self.tally = Tally(1 + math.prod(self.shape))

    def add(self, image: np.ndarray, predicates: np.ndarray, shots: np.ndarray, rarity: np.ndarray,
            ranks: np.ndarray, others: Sequence[np.ndarray] = ()) -> None:
        """Count the relations of whole images.

        image: [E] the image of each relation, from 0. predicates: [E]. shots: [E] the training counts that decide the
        subset. rarity: [E] weights of the weighted recall. ranks: [W, 3, E] in the order of RANKED_KINDS. others: for
        each of the other subsets, [E] whether it has the relation.
        """
        subset = shot_subset(shots)
        few = subset.nonzero()[0]
        more = [inside.nonzero()[0] for inside in others]
        # A relation counts for "all" and for its subsets; in each, for its predicate and for all predicates.
        member = np.concatenate([np.arange(len(image)), few, *more] * 2)
        numbers = [np.full(len(inside), number) for number, inside in enumerate(more, len(COUNTED))]
        groups = np.concatenate([np.zeros(len(image), np.int64), subset[few], *numbers] * 2) * self.num_predicates
        groups[len(groups) // 2:] += predicates[member[len(groups) // 2:]]
        images = image.max() + 1
        keys = groups * images + image[member]
        order = np.argsort(keys, kind="stable")
        starts = run_starts(keys[order])
        member = member[order]

        sizes = np.diff(np.append(starts, len(member)))
        found = np.empty((len(image), *ranks.shape[:2], self.shape[2]), bool)
        np.less(ranks.transpose(2, 0, 1)[..., None], self.ks, out=found[..., :len(self.ks)])
        if self.relative:
            np.less(ranks.transpose(2, 0, 1), np.bincount(image)[image][:, None, None], out=found[..., -1])
        hits = np.add.reduceat(found[member].astype(np.int64), starts)
        weights = rarity[member]
        weighted = np.add.reduceat(found[member, :, 1] * weights[:, None, None], starts)
        fractions = weighted / np.add.reduceat(weights, starts)[:, None, None]
        values = np.concatenate([hits, np.rint(fractions * UNIT).astype(np.int64)[:, :, None]], axis=2)
        values = np.concatenate([np.ones((len(starts), 1), np.int64), values.reshape(len(starts), -1)], axis=1)
        self.tally.add(keys[order][starts] // images * MAX_RELATIONS + sizes, values)

    def means(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of images [S, R] and of relations [S, R], and recall [S, R, W, 4, K] in the order of KINDS; K + 1
        with `relative`.

        Recall is the mean over images that have such a relation (NaN where no image has); A is the fraction of all such
        relations.
        """
        keys, values = self.tally.items()
        groups, sizes = np.divmod(keys, MAX_RELATIONS)
        count = self.num_subsets * self.num_predicates
        images, relations = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.add.at(images, groups, values[:, 0])
        np.add.at(relations, groups, values[:, 0] * sizes)
        terms = values[:, 1:].reshape(-1, *self.shape).astype(np.float64)
        terms[:, :, :2] /= sizes[:, None, None, None]
        terms[:, :, 3] /= UNIT
        sums = np.zeros((count, *self.shape))
        np.add.at(sums, groups, terms)
        divisors = np.tile(images[:, None], len(KINDS))
        divisors[:, KINDS.index("A")] = relations
        recall = np.full_like(sums, np.nan)
        np.divide(sums, divisors[:, None, :, None], out=recall, where=images[:, None, None, None] > 0)
        by_subset = (self.num_subsets, self.num_predicates)
        return images.reshape(by_subset), relations.reshape(by_subset), recall.reshape(*by_subset, *self.shape)


def mean_recall(recall: np.ndarray, absent_count: bool = True) -> np.ndarray:
    """mR@K from the recall of each predicate [R - 1, ..., K], NaN for a predicate without a relation; NaN if all are
    NaN.

    absent_count: divide by all R - 1 predicates, so that an absent predicate counts as 0; else by the number present.
    """
    present = ~np.isnan(recall)
    total = np.where(present, recall, 0).sum(axis=0)
    divisor = np.where(present.any(axis=0), len(recall) if absent_count else present.sum(axis=0), np.nan)
    return total / divisor


def harmonic_mean(recall: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """[K] F1@K from R@K and mR@K, or ng-F1@K from ngR@K and ng-mR@K; 0 where both are 0."""
    total = recall + mean
    return np.where(total > 0, 2 * recall * mean / np.where(total > 0, total, 1), total)
