"""What an observer who knows how scenes are drawn predicts: the room that models have on a toy genome of version 3.

The observer knows who bears whom, and the measure that tells a predicate from its look-alikes (`Edition.cues`) without
error. It does not know which relations the annotators wrote down. For a thing that bears another, it weighs the
predicates of this slot that have the measure, by Bayes: prior times likelihood. One prior is that of training, by the
classes of both objects; the other one is that of their kinds, so it has no habits that an unseen composition breaks.
Limits of cues, which only version 2 has, are not considered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

import numpy as np

from sgg.data.toy.scene import Scene
from sgg.data.toy.thing import Thing
from sgg.data.toy.world import World
from sgg.structures import Prediction


class Oracle:
    """Predicts the predicates of scenes whose boxes and classes are given.

    habits: whether the prior is that of training, else that of kinds.
    """

    def __init__(self, world: World, habits: bool) -> None:
        edition = world.edition
        self._edition, self._habits = edition, habits
        self._trained = np.where(world.trained(), world.weights, 0.)
        self._of_kinds = {(subject, predicate, other): weight
                          for subject, predicate, other, weight in edition.kind_triplets()}

    def predict(self, scene: Scene) -> Prediction:
        """The prediction for a scene: all ordered pairs of its things, those that are most certain first."""
        edition = self._edition
        pairs = list(permutations(range(len(scene.things)), 2))
        scores = np.zeros((len(pairs), len(edition.predicates)), np.float32)
        row_of = {pair: row for row, pair in enumerate(pairs)}
        number = {id(thing): index for index, thing in enumerate(scene.things)}
        for thing in scene.things:
            if thing.bearer is not None:
                pair = number[id(thing)], number[id(thing.bearer)]
                pair = pair[::-1] if thing.predicate in edition.held else pair
                scores[row_of[pair]] = edition.annotated * self._posterior(thing, thing.bearer)
        scores[:, 0] = 1 - scores[:, 1:].sum(1)
        order = np.argsort(-scores[:, 1:].max(1), kind="stable")
        boxes = np.array([thing.box for thing in scene.things], np.float32)
        labels = np.array([thing.label for thing in scene.things])
        return Prediction(boxes, labels, np.ones(len(labels), np.float32), np.array(pairs)[order], scores[order])

    def _posterior(self, thing: Thing, bearer: Thing) -> np.ndarray:
        """[R] the probability of each predicate between a thing and its bearer. Without an alternative, or where
        training has none of them, the true predicate is certain, or all are equally likely."""
        edition, found = self._edition, np.zeros(len(self._edition.predicates))
        for predicate in self._alternatives(thing, bearer):
            found[edition.index[predicate]] = self._prior(thing, predicate, bearer) * self._likelihood(thing, predicate)
        if not found.any():
            for predicate in self._alternatives(thing, bearer):
                found[edition.index[predicate]] = self._likelihood(thing, predicate)
        return found / found.sum()

    def _alternatives(self, thing: Thing, bearer: Thing) -> Iterator[str]:
        """The predicates that a thing of its kind may have in its slot, and that look like its own."""
        edition = self._edition
        for predicate in edition.predicates[1:]:
            roles = self._roles(thing.kind, predicate, bearer.kind)
            if roles in self._of_kinds and edition.slot(*roles) == edition.slot(
                    *self._roles(thing.kind, thing.predicate, bearer.kind)) and \
                    all(predicate in edition.cues[measure] for measure in thing.measured) and \
                    (thing.measured or predicate == thing.predicate):
                yield predicate

    def _roles(self, borne: str, predicate: str, bearer: str) -> tuple[str, str, str]:
        """Subject kind, predicate, object kind."""
        return (bearer, predicate, borne) if predicate in self._edition.held else (borne, predicate, bearer)

    def _prior(self, thing: Thing, predicate: str, bearer: Thing) -> float:
        if not self._habits:
            return self._of_kinds[self._roles(thing.kind, predicate, bearer.kind)]
        pair = (bearer.label, thing.label) if predicate in self._edition.held else (thing.label, bearer.label)
        return float(self._trained[pair[0], self._edition.index[predicate], pair[1]])

    def _likelihood(self, thing: Thing, predicate: str) -> float:
        """Of the values of its measures, up to a factor that all alternatives share."""
        exponent = 0.
        for measure, value in thing.measured.items():
            cue = self._edition.cues[measure][predicate]
            exponent -= ((value - cue.mean) / cue.sd) ** 2 / 2 + math.log(cue.sd)
        return math.exp(exponent)
