"""The world of a toy genome: compositions, their frequencies, and the held-out compositions.

A composition is a triplet that can be drawn; its weight is proportional to its frequency. The weights have long tails
for two reasons: the table of an edition gives kinds different weights, and within a kind weights are log-normal draws.
So one of the two classes of a pair is the usual partner in most contexts. A held-out composition contradicts this bias.

Shapes: C object classes and R predicate classes, both with the background as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from sgg.data.toy.edition import Edition
from sgg.data.toy.kinds import CLASSES, LABELS

_SHARE_SPREAD = 1.6   # sd of the logarithm of a triplet's fraction among those of its kinds
_HELD_OUT = {"test": .22, "val": .10}   # fraction of the compositions that training must not show


@dataclass(frozen=True)
class World:
    """The compositions of one toy genome.

    edition: what exists at all. weights: [C, R, C] the relative frequency of subject, predicate, object; 0 for an
    impossible composition. held_out: split ("test", "val") -> [C, R, C] bool: the compositions that occur in this split
    but not in training (those of test do not occur in val, either). prior: [C] the relative frequency of a class alone,
    1 on average over a kind.
    """

    edition: Edition
    weights: np.ndarray
    held_out: dict[str, np.ndarray]
    prior: np.ndarray

    @classmethod
    def build(cls, edition: Edition, seed: int) -> World:
        """The world of a seed. It is the same on every machine."""
        rng = np.random.default_rng([seed, 0])
        weights = np.zeros((len(CLASSES), len(edition.predicates), len(CLASSES)))
        eligible = []   # without the most frequent composition of its kinds, so their relation can still be learned
        for subject, predicate, other, weight in edition.kind_triplets():
            combinations = list(product(LABELS[subject], LABELS[other]))
            shares = np.exp(_SHARE_SPREAD * rng.standard_normal(len(combinations)))
            shares /= shares.sum()
            for (s, o), share in zip(combinations, shares, strict=True):
                weights[s, edition.index[predicate], o] = weight * share
            usual = int(shares.argmax())
            eligible += [(s, edition.index[predicate], o) for i, (s, o) in enumerate(combinations) if i != usual]
        prior = np.ones(len(CLASSES))
        for labels in LABELS.values():
            shares = np.exp(.6 * rng.standard_normal(len(labels)))
            prior[list(labels)] = shares / shares.mean()
        return cls(edition, weights, _hold_out(weights, eligible, rng), prior)

    def trained(self) -> np.ndarray:
        """[C, R, C] bool: the compositions that training images may show."""
        return (self.weights > 0) & ~self.held_out["test"] & ~self.held_out["val"]


def _hold_out(weights: np.ndarray, eligible: list[tuple[int, int, int]], rng: np.random.Generator,
              ) -> dict[str, np.ndarray]:
    """Choose the held-out compositions: the same fraction for every predicate. Each class keeps a partner in each of
    its roles of a predicate.
    """
    left = weights > 0
    totals = left.sum(axis=(0, 2))
    held_out = {split: np.zeros_like(left) for split in _HELD_OUT}
    order = [eligible[index] for index in rng.permutation(len(eligible))]
    for split, share in _HELD_OUT.items():
        wanted = np.rint(share * totals)
        for s, p, o in order:
            if wanted[p] and left[s, p, o] and left[s, p].sum() > 1 and left[:, p, o].sum() > 1:
                left[s, p, o] = False
                held_out[split][s, p, o] = True
                wanted[p] -= 1
    return held_out
