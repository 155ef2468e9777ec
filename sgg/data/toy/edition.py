"""An edition of the toy genome: its predicates, the compositions that exist, and how images show them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sgg.data.toy.sizes import Sizes

Table = Mapping[str, Mapping[str, str]]
"""Predicate -> object kind -> the kinds that can be its subject, with their weights. "tree 2" reads: a tree, twice as
often as what has weight 1."""
BACKGROUND = "__background__"


@dataclass(frozen=True)
class Cue:
    """A normal distribution with limits, to which values outside of them are set."""

    mean: float
    sd: float
    low: float = -math.inf
    high: float = math.inf

    def draw(self, rng: np.random.Generator) -> float:
        """A value."""
        return min(self.high, max(self.low, float(rng.normal(self.mean, self.sd))))


@dataclass(frozen=True)
class Edition:
    """What decides the genomes of a version, beside their seed and their sizes.

    difficulty: how far the cues of predicates that look alike have moved together (0: not at all, 1: they are equal).
    compositions: of the predicates in their order; the background comes first in `predicates`.
    slots: predicate -> the slot of the bearer that it fills (`scene.py`). held: predicates whose subject is the bearer.
    cues: measure -> predicate -> the distribution from which an image's value is drawn. Predicates with a common
    measure look alike: only its value tells them apart (`placement.py`).
    annotated, incidental: the fraction of composed relations, and of relations by chance, that are annotated.
    groups: the chances of 2, 3, 4, ... groups of things. clutter: the largest number of things outside of groups.
    most_objects: in an image. sizes: the usual numbers of images.
    """

    version: int
    difficulty: float
    compositions: Table
    slots: Mapping[str, str]
    held: frozenset[str]
    cues: Mapping[str, Mapping[str, Cue]]
    annotated: float
    incidental: float
    groups: tuple[float, ...]
    clutter: int
    most_objects: int
    sizes: Sizes

    @cached_property
    def predicates(self) -> tuple[str, ...]:
        """The names of the predicate classes, the background first."""
        return (BACKGROUND, *self.compositions)

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each predicate class."""
        return {name: number for number, name in enumerate(self.predicates)}

    def kind_triplets(self) -> Iterator[tuple[str, str, str, float]]:
        """All compositions of kinds: subject kind, predicate name, object kind, weight."""
        for predicate, by_object in self.compositions.items():
            for other, subjects in by_object.items():
                for subject, weight in (entry.split() for entry in subjects.split(",")):
                    yield subject, predicate, other, float(weight)

    def slot(self, subject: str, predicate: str, other: str) -> tuple[str, str, str]:
        """The kind that bears, the slot that a composition of kinds fills, and the kind that is borne."""
        bearer, borne = (subject, other) if predicate in self.held else (other, subject)
        slot = self.slots[predicate]
        if predicate == "in" and bearer == "container":
            slot = "top"
        if predicate == "on" and borne == "container" and bearer == "vehicle":
            slot = "face"
        return bearer, slot, borne
