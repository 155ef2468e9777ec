"""Compose a toy scene: groups of things around a thing that stands on the ground, and some clutter between them.

A group grows from its root: each *slot* of a thing (its top, its two sides, its head, its hand, ...) may bear another
thing, whose class and predicate are drawn together by the world's weights. Annotators are as sparing as real ones: not
every relation that was composed is written down, and hardly any that came about by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sgg.data.toy.kinds import CLASSES, KIND_OF, LABELS
from sgg.data.toy.placement import SIZE, place
from sgg.data.toy.thing import Thing, draw_look, overlap
from sgg.data.toy.world import World

SIDE = 176
"""Width and height of every image in pixels."""

MIN_OBJECTS = 3
_GROUND = 94., 173.                    # where things stand, far to near, in pixels from above
_EVEN = .4                             # fraction of draws in val and test with equal chances for rare compositions
_ROOTS = {"person": .25, "mount": .14, "vehicle": .14, "furniture": .24, "house": .10, "tree": .07, "container": .06}
_SLOTS = {   # kind -> slot -> how many, and the chance that each is taken
    "person": {"head": (1, .55), "hand": (1, .55), "side": (2, .45), "top": (1, .10)},
    "pet": {"head": (1, .12), "side": (2, .3), "top": (1, .06)},
    "mount": {"top": (1, .8), "below": (1, .2), "side": (2, .4), "head": (1, .1), "face": (1, .10)},
    "vehicle": {"top": (1, .8), "face": (1, .3), "side": (2, .4)},
    "furniture": {"top": (2, .8), "below": (1, .45), "side": (2, .5), "face": (1, .10)},
    "container": {"top": (1, .7), "side": (2, .3)},
    "tree": {"face": (1, .25), "inside": (1, .4), "top": (1, .25), "below": (2, .4), "side": (2, .3)},
    "house": {"face": (1, .35), "inside": (1, .35), "top": (2, .4), "side": (2, .6)},
}

_Choices = tuple[list[tuple[str, int]], np.ndarray | None, np.ndarray | None]
"""n rows (predicate, class borne), [n] their chances, and [n] their chances in levelled draws; None: nothing may."""


@dataclass(frozen=True)
class Scene:
    """A toy scene. groups: the roots, far ones first. things: all objects in the order of their annotation. relations:
    (subject, object, predicate), rows of `things`. seed: of the background and the noise.
    """

    groups: list[Thing]
    things: list[Thing]
    relations: list[tuple[int, int, int]]
    seed: tuple[int, ...]


class Composer:
    """Draws scenes of one split of a world.

    split: "train", "val", "test" or "detector". In the last there is no bias: all compositions of kinds are equally
    frequent, and so are the classes of a pair.
    """

    def __init__(self, world: World, split: str) -> None:
        self._edition = world.edition
        self._uniform = split == "detector"
        self._weights = np.where(world.weights > 0, 1., 0.) if self._uniform else world.weights
        self._prior = np.ones(len(CLASSES)) if self._uniform else world.prior
        novel = world.held_out.get(split, np.zeros_like(world.weights, dtype=bool))
        allowed = world.weights > 0 if split in ("test", "detector") else world.trained() | novel
        self._allowed = allowed
        self._choices = {(label, slot): self._slot_choices(label, slot, novel, allowed)
                         for label, kind in KIND_OF.items() for slot in _SLOTS.get(kind, ())}

    def _slot_choices(self, label: int, slot: str, novel: np.ndarray, allowed: np.ndarray) -> _Choices:
        """The compositions that may fill a slot. novel and allowed: [C, R, C] bool."""
        rows, weights, novelty = [], [], []
        edition = self._edition
        for subject, predicate, other, _ in edition.kind_triplets():
            bearer, its_slot, borne = edition.slot(subject, predicate, other)
            if (bearer, its_slot) != (KIND_OF[label], slot):
                continue
            for child in LABELS[borne]:
                index = edition.index[predicate]
                triplet = (label, index, child) if predicate in edition.held else (child, index, label)
                rows.append((predicate, child))
                weights.append(self._weights[triplet] * allowed[triplet])
                novelty.append(novel[triplet])
        chances = np.array(weights, dtype=float)
        level = np.where(chances > 0, chances ** .25, 0.) * (1 + 2 * np.array(novelty)) if novel.any() else chances
        return rows, _normalised(chances), _normalised(level)

    def compose(self, seed: tuple[int, ...]) -> Scene:
        """The scene of a seed."""
        rng = np.random.default_rng(seed)
        while True:
            groups = self._groups(rng)
            things = [thing for root in groups for thing in root.all()]
            if MIN_OBJECTS <= len(things) <= self._edition.most_objects:
                relations = self._annotate(things, rng)
                if relations:
                    order = rng.permutation(len(things)).tolist()   # so the order of rows carries no information
                    rank = {old: new for new, old in enumerate(order)}
                    relations = sorted((rank[s], rank[o], p) for s, o, p in relations)
                    return Scene(groups, [things[i] for i in order], relations, (*seed, 1))

    def _groups(self, rng: np.random.Generator) -> list[Thing]:
        chances = self._edition.groups
        count = int(rng.choice(np.arange(2, 2 + len(chances)), p=chances))
        columns = (np.arange(count) + .5) * SIDE / count
        groups: list[Thing] = []
        for column in rng.permutation(columns):
            root = self._stand(str(rng.choice(list(_ROOTS), p=list(_ROOTS.values()))),
                               column + rng.normal(0., 6.), rng.uniform(*_GROUND), rng)
            if self._fits(root, groups):
                groups.append(root)
                self._grow(root, groups, rng, 1.)
        for _ in range(rng.integers(0, self._edition.clutter + 1)):
            kind = str(rng.choice(("flyer", "pet", "container", "round", "person", "vessel", "headgear", "plate"),
                                  p=(.24, .16, .12, .14, .08, .09, .09, .08)))
            high = kind == "flyer" or (kind == "plate" and rng.random() < .5)
            thing = self._stand(kind, rng.uniform(12., SIDE - 12.),
                                rng.uniform(20., 60.) if high else rng.uniform(*_GROUND), rng)
            if self._fits(thing, groups, most=.12):
                groups.append(thing)
        return sorted(groups, key=lambda root: root.box[3])

    def _stand(self, kind: str, x: float, bottom: float, rng: np.random.Generator) -> Thing:
        """A thing on the ground. It is larger if it is nearer."""
        labels = LABELS[kind]
        prior = self._prior[list(labels)]
        thing = self._thing(int(rng.choice(labels, p=prior / prior.sum())), rng)
        width, height = self._size(thing, bottom, rng)
        x = float(np.clip(x, width / 2 + 2, SIDE - width / 2 - 2))
        thing.box = (x - width / 2, bottom - height, x + width / 2, bottom)
        return thing

    @staticmethod
    def _thing(label: int, rng: np.random.Generator) -> Thing:
        return Thing(label, draw_look(label, rng), int(rng.choice((-1, 1))))

    @staticmethod
    def _size(thing: Thing, bottom: float, rng: np.random.Generator) -> tuple[float, float]:
        near = (max(bottom, _GROUND[0]) - _GROUND[0]) / (_GROUND[1] - _GROUND[0])
        scale = (.74 + .40 * near) * np.exp(rng.normal(0., .06))
        width, height = SIZE[thing.kind]
        return width * scale, height * scale

    @staticmethod
    def _fits(thing: Thing, groups: list[Thing], most: float = .3, bearer: Thing | None = None) -> bool:
        """Whether a thing lies in the image, hides no other thing and is not hidden."""
        x1, y1, x2, y2 = thing.box
        if x1 < 1 or y1 < 1 or x2 > SIDE - 1 or y2 > SIDE - 1:
            return False
        return all(overlap(thing.box, other.box) <= most
                   for root in groups for other in root.all() if other is not bearer and other is not thing)

    def _grow(self, bearer: Thing, groups: list[Thing], rng: np.random.Generator, liveliness: float) -> None:
        """Fill the slots of a thing, and of the things in them."""
        for slot, (count, chance) in _SLOTS.get(bearer.kind, {}).items():
            if bearer.bearer is not None and (slot == "side" or bearer.layer == "inside" or bearer.slot == "below"):
                continue
            rows, chances, level = self._choices[bearer.label, slot]
            for index in rng.permutation(count):
                if rng.random() >= chance * liveliness or chances is None:
                    continue
                p = level if rng.random() < _EVEN else chances
                predicate, label = rows[rng.choice(len(rows), p=p)]
                self._bear(bearer, label, predicate, slot, int(index), groups, rng, liveliness)

    def _bear(self, bearer: Thing, label: int, predicate: str, slot: str, index: int, groups: list[Thing],
              rng: np.random.Generator, liveliness: float) -> None:
        thing = self._thing(label, rng)
        thing.bearer, thing.predicate, thing.slot = bearer, predicate, slot
        root = bearer
        while root.bearer is not None:
            root = root.bearer
        place(thing, bearer, self._edition, self._size(thing, root.box[3], rng), index, rng)
        if self._fits(thing, groups, bearer=bearer):
            bearer.borne.append(thing)
            self._grow(thing, groups, rng, .75 * liveliness)

    def _annotate(self, things: list[Thing], rng: np.random.Generator) -> list[tuple[int, int, int]]:
        """The annotated relations: rows (subject, object, predicate)."""
        edition = self._edition
        row = {id(thing): index for index, thing in enumerate(things)}
        relations, composed = [], set()
        for thing in things:
            if thing.bearer is None:
                continue
            pair = row[id(thing)], row[id(thing.bearer)]
            if thing.predicate in edition.held:
                pair = pair[::-1]
            composed |= {pair, pair[::-1]}
            if rng.random() < edition.annotated:
                relations.append((*pair, edition.index[thing.predicate]))
        for s, subject in enumerate(things):
            for o, other in enumerate(things):
                if s != o and (s, o) not in composed and rng.random() < edition.incidental:
                    predicate = edition.index.get(_incidental(subject, other), 0)
                    if predicate and not self._withheld(subject.label, predicate, other.label):
                        relations.append((s, o, predicate))
        return relations

    def _withheld(self, subject: int, predicate: int, other: int) -> bool:
        """Whether this split must not show a composition."""
        return bool(self._weights[subject, predicate, other]) and not self._allowed[subject, predicate, other]


def _incidental(subject: Thing, other: Thing) -> str:
    """The predicate of two things that are related by chance; empty: none."""
    (sx, _), (ox, _) = subject.center, other.center
    reach = (subject.width + other.width) / 2
    if abs(sx - ox) < .5 * reach and 0 < other.box[1] - subject.box[3] < 20:
        return "above"
    if abs(subject.box[3] - other.box[3]) < 8 and abs(sx - ox) < reach + 14:
        return "near"
    return ""


def _normalised(chances: np.ndarray) -> np.ndarray | None:
    return chances / chances.sum() if chances.sum() > 0 else None
