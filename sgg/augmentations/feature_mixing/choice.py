"""What is mixed into a batch: decided on the host, from the plan of the batch and random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from sgg.methods.augmentation import RelationSource
from sgg.methods.statistics import Statistics, predicate_prior
from sgg.systems.two_stage.sample import Plan

from . import FeatureMixing
from .bank import Bank, Direction
from .groups import class_groups, is_tail
from .resampling import Resampling

Uniform = Callable[[int], np.ndarray]
"""Draws so many random numbers in [0, 1)."""
SUBJECT, OBJECT = 0, 1
TRIED = 4
"""So many background pairs are tried at once for each that may be mixed, since not all fit."""


@dataclass(frozen=True)
class Chosen:
    """The pairs of a batch, and the relations of the bank that change them.

    pairs: [P, 2], in the order of images, subjects, objects. targets: [P, R] float32. predicates: [P] the predicate
    that stands for a soft one. related: [P] whether the pair counts as related, which mixing does not change. rows: [M]
    of `pairs` into which the relations `mixed` [M] go. labels: [N] of the objects. replaced: [Q] objects of which the
    relations `replacing` [Q] take the place, each by its subject (0) or object (1), `roles` [Q]. Relations are numbers
    at their source.
    """

    pairs: np.ndarray
    targets: np.ndarray
    predicates: np.ndarray
    related: np.ndarray
    rows: np.ndarray
    mixed: np.ndarray
    labels: np.ndarray
    replaced: np.ndarray
    replacing: np.ndarray
    roles: np.ndarray


class Choice:
    """The rules of Li et al. (ICCV 2023), with groups and frequencies of the training data (docs/SYSTEM.md section 5).

    tail, body: the relations of the bank by the group of their predicate. is_tail: [R]. groups: [C] of the classes;
    None: nothing is replaced within groups.
    """

    def __init__(self, settings: FeatureMixing, tail: Bank, body: Bank, is_tail: np.ndarray, resampling: Resampling,
                 groups: np.ndarray | None = None) -> None:
        self.settings, self.resampling = settings, resampling
        self._tail, self._body, self._is_tail, self._groups = tail, body, is_tail, groups

    @classmethod
    def of(cls, settings: FeatureMixing, source: RelationSource, statistics: Statistics) -> Choice:
        """The choice from the relations of a source, by the groups of predicates and classes of the training data."""
        centres = source.boxes.reshape(-1, 2, 2, 2).mean(2)
        vectors = centres[:, SUBJECT] - centres[:, OBJECT]
        direction = Direction(settings.min_cosine, settings.direction == "published")
        tail = is_tail(statistics)
        of_tail = tail[source.triplets[:, 1]]
        tail_bank, body_bank = (Bank(source.triplets[own], vectors[own], own, direction, statistics.num_classes)
                                for own in (np.flatnonzero(of_tail), np.flatnonzero(~of_tail)))
        groups = None
        if settings.replaces_in_groups:
            groups = class_groups(statistics.word_vectors[0], settings.class_groups)
        resampling = Resampling(predicate_prior(statistics), settings.repeat_below, settings.drop)
        return cls(settings, tail_bank, body_bank, tail, resampling, groups)

    def __call__(self, plan: Plan, labels: np.ndarray, uniform: Uniform) -> Chosen:
        """The choice for a plan whose objects count as of the classes `labels` [N]."""
        scene = _Scene.of(plan, labels)
        foreground = self._into_dropped(scene, uniform)
        background = self._into_background(scene, uniform)
        own = np.concatenate([scene.predicates, scene.dropped[foreground.rows, 2]])
        pairs = np.concatenate([scene.pairs, scene.dropped[foreground.rows, :2]])
        # Mixing relates no pair: a dropped relation stays unrelated, too, as in the authors' code.
        related = np.concatenate([scene.predicates > 0, np.zeros(len(foreground.rows), bool)])
        rows = np.concatenate([len(scene.pairs) + np.arange(len(foreground.rows)), background.rows])
        predicates = own.copy()
        predicates[rows] = np.concatenate([foreground.predicates, background.predicates])
        targets = np.zeros((len(pairs), len(self._is_tail)), np.float32)
        targets[np.arange(len(pairs)), own] = 1
        targets[rows] *= 1 - self.settings.share
        targets[rows, predicates[rows]] += self.settings.share
        order = np.argsort(pairs[:, 0] * len(labels) + pairs[:, 1], kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return Chosen(pairs[order], targets[order], predicates[order], related[order], place[rows],
                      np.concatenate([foreground.relations, background.relations]), *self._replace(scene, uniform))

    def _into_dropped(self, scene: _Scene, uniform: Uniform) -> _Found:
        """The annotated relations that the step does not classify, into which a relation with a tail predicate fits, or
        else one with a body predicate."""
        found = self._fitting(self._tail, scene, scene.dropped[:, :2], uniform)
        rest = np.setdiff1d(np.arange(len(scene.dropped)), found.rows)
        more = self._fitting(self._body, scene, scene.dropped[rest, :2], uniform)
        return _Found.joined([found, replace(more, rows=rest[more.rows])])

    def _into_background(self, scene: _Scene, uniform: Uniform) -> _Found:
        """The background pairs into which a relation with a tail predicate fits, or as many random ones of them as the
        budget allows."""
        candidates, found = np.flatnonzero(scene.predicates == 0), list[_Found]()
        most = len(candidates)
        if self.settings.mixed_per_image is not None:
            most = min(most, self.settings.mixed_per_image * scene.images)
        if 0 < most < len(candidates):
            candidates = candidates[np.argsort(uniform(len(candidates)), kind="stable")]
        for tried in np.split(candidates, range(TRIED * most, len(candidates), TRIED * most)) if most else []:
            fitting = self._fitting(self._tail, scene, scene.pairs[tried], uniform)
            found.append(replace(fitting, rows=tried[fitting.rows]))
            if sum(len(one.rows) for one in found) >= most:
                break
        return _Found.joined(found).first(most)

    @staticmethod
    def _fitting(bank: Bank, scene: _Scene, pairs: np.ndarray, uniform: Uniform) -> _Found:
        subjects, objects = pairs.T
        found = bank.for_pairs((scene.labels[subjects], scene.labels[objects]), scene.vectors(pairs),
                               uniform(len(pairs)))
        rows = np.flatnonzero(found >= 0)
        return _Found(rows, bank.relations[found[rows]], bank.triplets[found[rows], 1])

    def _replace(self, scene: _Scene, uniform: Uniform) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The labels after replacing, and `replaced`, `replacing` and `roles` of `Chosen`: of relations with a tail
        predicate first the objects, then the subjects."""
        labels, relation = scene.labels.copy(), np.full(len(scene.labels), -1)
        role_of = np.zeros(len(labels), np.int64)
        if self._groups is None:
            return labels, relation[:0], relation[:0], role_of[:0]
        rows = np.flatnonzero(self._is_tail[scene.predicates])
        repeats = self.resampling.of_images(scene.annotated[:, 0], scene.annotated[:, 3], scene.images)
        repeats = repeats[scene.image_index[scene.pairs[rows, SUBJECT]]]
        share = self.settings.replacement * (repeats - 1) / repeats
        for role in (OBJECT, SUBJECT):
            tried = rows[uniform(len(rows)) < share]
            own, other = scene.pairs[tried, role], scene.pairs[tried, 1 - role]
            found = self._tail.for_ends(role, (scene.predicates[tried], labels[other]), labels[own], self._groups,
                                        scene.vectors(scene.pairs[tried]), uniform(len(tried)))
            own, found = own[found >= 0], found[found >= 0]
            labels[own] = self._tail.triplets[found, 2 * role]
            relation[own], role_of[own] = self._tail.relations[found], role
        replaced = np.flatnonzero(relation >= 0)
        return labels, replaced, relation[replaced], role_of[replaced]


@dataclass(frozen=True)
class _Found:
    """rows: [M] into which the `relations` [M] with `predicates` [M] are mixed."""

    rows: np.ndarray
    relations: np.ndarray
    predicates: np.ndarray

    @classmethod
    def joined(cls, found: Sequence[_Found]) -> _Found:
        """Several, one after another."""
        return cls(*(np.concatenate([np.arange(0), *(getattr(one, field.name) for one in found)])
                     for field in fields(cls)))

    def first(self, most: int) -> _Found:
        """The first `most`, in the order of their rows."""
        order = np.argsort(self.rows[:most])
        return _Found(self.rows[order], self.relations[order], self.predicates[order])


@dataclass(frozen=True)
class _Scene:
    """A plan in numpy. centres: [N, 2] of the boxes in pixels of the image. annotated: [E, 4] image, subject, object,
    predicate. dropped: [D, 3] subject, object, predicate of annotated relations that are not among the pairs."""

    labels: np.ndarray
    centres: np.ndarray
    image_index: np.ndarray
    pairs: np.ndarray
    predicates: np.ndarray
    annotated: np.ndarray
    dropped: np.ndarray
    images: int

    @classmethod
    def of(cls, plan: Plan, labels: np.ndarray) -> _Scene:
        boxes = plan.encoding.image_boxes.numpy().astype(np.float64)
        pairs, relations = plan.pairs.numpy(), plan.relations.numpy()
        keys = [ends[:, 0] * len(labels) + ends[:, 1] for ends in (pairs, relations[:, 1:3])]
        return cls(labels, (boxes[:, :2] + boxes[:, 2:]) / 2, plan.encoding.image_index.numpy(), pairs,
                   plan.predicates.numpy(), relations, relations[~np.isin(keys[1], keys[0]), 1:],
                   len(plan.encoding.image_sizes))

    def vectors(self, pairs: np.ndarray) -> np.ndarray:
        """[M, 2] from the centre of the object to that of the subject, of pairs [M, 2]."""
        return self.centres[pairs[:, SUBJECT]] - self.centres[pairs[:, OBJECT]]
