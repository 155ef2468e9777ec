"""The world of the toy genome: classes, predicates, compositions, their frequencies, and the held-out compositions.

Most classes come in pairs of one *kind*, which have the same shape and differ only in their look (see `thing.py`). A
composition is a triplet that can be drawn; its weight is proportional to its frequency. The weights have long tails for
two reasons: the table below gives kinds different weights, and within a kind weights are log-normal draws. So one of
the two classes of a pair is the usual partner in most contexts. A held-out composition contradicts this bias.

Shapes: C object classes and R predicate classes, both with the background as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

KINDS: dict[str, tuple[str, ...]] = {
    "person": ("man", "woman"),
    "pet": ("dog", "cat"),
    "mount": ("horse", "cow"),
    "vehicle": ("bike", "motorbike"),
    "furniture": ("table", "bench"),
    "vessel": ("cup", "mug"),
    "round": ("ball", "apple"),
    "headgear": ("hat", "helmet"),
    "container": ("basket", "bucket"),
    "flyer": ("bird", "bat"),
    "plate": ("sign", "clock"),
    "tree": ("tree",),
    "house": ("house",),
}
"""The classes of each kind. The two classes of a pair look alike."""

CLASSES: tuple[str, ...] = ("__background__", *(name for names in KINDS.values() for name in names))
PREDICATES: tuple[str, ...] = (
    "__background__", "on", "near", "behind", "under", "in", "above", "holding", "wearing", "riding", "attached to")

KIND_OF: dict[int, str] = {CLASSES.index(name): kind for kind, names in KINDS.items() for name in names}
LABELS: dict[str, tuple[int, ...]] = {kind: tuple(CLASSES.index(name) for name in names)
                                      for kind, names in KINDS.items()}
PREDICATE: dict[str, int] = {name: index for index, name in enumerate(PREDICATES)}

# Predicate -> object kind -> the kinds that can be its subject, with their weights. "tree 2" reads: a tree, twice as
# often as what has weight 1.
_COMPOSITIONS: dict[str, dict[str, str]] = {
    "on": {
        "furniture": "vessel 5, round 2.5, person 1.5, headgear 1.2, container 1.2, pet 1, flyer .4, plate .3",
        "mount": "person 2, pet .8, flyer .6, headgear .3",
        "vehicle": "person 2, pet .6, container 1, flyer .3",
        "container": "round 1, headgear .6, vessel .5, pet .4, flyer .3",
        "house": "flyer 1.2, pet .5, plate .4, person .3",
        "tree": "flyer .8, pet .3",
    },
    "near": {
        "person": "pet 1.2, person .6, container .6, mount .4, vehicle .4, round .5",
        "pet": "round .8, pet .5, container .4",
        "mount": "person .5, mount .4, pet .4",
        "vehicle": "person .5, pet .4, container .3",
        "furniture": "person .6, pet .6, container .5, vehicle .3, mount .2",
        "container": "pet .6, round .5, person .3",
        "tree": "vehicle .4, mount .4, person .4, container .3",
        "house": "tree .8, vehicle .7, person .6, pet .5, mount .5, furniture .5",
    },
    "behind": {
        "person": "pet .3, mount .3, person .2, vehicle .2, container .2",
        "mount": "person .3, mount .2, pet .2",
        "vehicle": "person .3, pet .2, container .2",
        "furniture": "person .5, pet .3, vehicle .2, container .2",
        "container": "pet .3, person .2, round .2",
        "house": "tree .4, vehicle .4, mount .3, person .3",
    },
    "under": {
        "furniture": "pet 1, round .8, container .6, vessel .5",
        "mount": "pet .4, round .3, container .3",
        "tree": "furniture 1, person .8, mount .6, vehicle .6, pet .6, container .3",
    },
    "in": {
        "container": "round 1.8, vessel 1, pet .8, headgear .6, flyer .3",
        "tree": "flyer 1, round .6, pet .4",
        "house": "person .8, pet .6",
    },
    "above": {
        "person": "flyer .6, round .5, headgear .4",
        "pet": "flyer .3, round .4",
        "mount": "flyer .5, round .2",
        "vehicle": "flyer .4",
        "furniture": "flyer .5, plate .5, round .3",
        "container": "flyer .3, round .3",
        "tree": "flyer .6, round .3",
        "house": "flyer .8",
    },
    "holding": {
        "vessel": "person 1.2", "round": "person 1", "container": "person 1", "plate": "person .7",
        "headgear": "person .6", "pet": "person .4", "flyer": "person .3",
    },
    "wearing": {"headgear": "person 5, pet .8, mount .5"},
    "riding": {"mount": "person 1.8, pet .5", "vehicle": "person 1.8, pet .5"},
    "attached to": {
        "house": "plate 1.5", "tree": "plate .8", "furniture": "plate .4",
        "vehicle": "plate .6, container .8", "mount": "container .5",
    },
}

_SHARE_SPREAD = 1.6   # sd of the logarithm of a triplet's fraction among those of its kinds
_HELD_OUT = {"test": .22, "val": .10}   # fraction of the compositions that training must not show


def kind_triplets() -> list[tuple[str, str, str, float]]:
    """All compositions of kinds: subject kind, predicate name, object kind, weight."""
    return [(subject, predicate, other, float(weight))
            for predicate, by_object in _COMPOSITIONS.items()
            for other, subjects in by_object.items()
            for subject, weight in (entry.split() for entry in subjects.split(","))]


@dataclass(frozen=True)
class World:
    """The compositions of one toy genome.

    weights: [C, R, C] the relative frequency of subject, predicate, object; 0 for an impossible composition.
    held_out: split ("test", "val") -> [C, R, C] bool: the compositions that occur in this split but not in training
    (those of test do not occur in val, either). prior: [C] the relative frequency of a class alone, 1 on average over a
    kind.
    """

    weights: np.ndarray
    held_out: dict[str, np.ndarray]
    prior: np.ndarray

    @classmethod
    def build(cls, seed: int) -> World:
        """The world of a seed. It is the same on every machine."""
        rng = np.random.default_rng([seed, 0])
        weights = np.zeros((len(CLASSES), len(PREDICATES), len(CLASSES)))
        eligible = []   # without the most frequent composition of its kinds, so their relation can still be learned
        for subject, predicate, other, weight in kind_triplets():
            combinations = list(product(LABELS[subject], LABELS[other]))
            shares = np.exp(_SHARE_SPREAD * rng.standard_normal(len(combinations)))
            shares /= shares.sum()
            for (s, o), share in zip(combinations, shares, strict=True):
                weights[s, PREDICATE[predicate], o] = weight * share
            usual = int(shares.argmax())
            eligible += [(s, PREDICATE[predicate], o) for i, (s, o) in enumerate(combinations) if i != usual]
        prior = np.ones(len(CLASSES))
        for labels in LABELS.values():
            shares = np.exp(.6 * rng.standard_normal(len(labels)))
            prior[list(labels)] = shares / shares.mean()
        return cls(weights, _hold_out(weights, eligible, rng), prior)

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
