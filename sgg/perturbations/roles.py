"""The roles of objects in the relations of a scene graph, and the order of relabelling that follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

from .arrays import A, namespace, numbers


@dataclass(frozen=True, eq=False)
class Roles(Generic[A]):
    """K roles of objects in relations.

    node [K]: the object. other [K]: the object at the other end. row [K]: the first row of the contexts of this role
    (`Contexts.rows`).
    """

    node: A
    other: A
    row: A

    def __getitem__(self, index: A) -> Roles[A]:
        return Roles(self.node[index], self.other[index], self.row[index])


def played_roles(relations: A) -> tuple[A, A]:
    """[2E] the objects of relations [E, 3], subject and object in turn, and [2E] whether the role counts.

    No role of a background relation counts. In a relation of an object with itself only the role of the subject counts.
    """
    subject, obj, annotated = relations[:, 0], relations[:, 1], relations[:, 2] > 0
    counts = namespace(relations).stack([annotated, annotated & (subject != obj)], 1)
    return relations[:, :2].reshape(-1), counts.reshape(-1)


def waves(drawn: A, roles: Roles[A], rank: A) -> Iterator[tuple[A, Roles[A]]]:
    """Drawn objects and their roles in waves, so that each wave can be relabelled at once.

    An object is in a later wave than each of its neighbours that was drawn before it. Objects of one wave therefore do
    not depend on each other's new labels, and the result equals relabelling one object after another.

    drawn: [N] bool. rank: [N] the place of each object in the order of drawing.
    """
    xp = namespace(rank)
    members = numbers(rank)[drawn]
    after_other = rank[roles.other] < rank[roles.node]
    later, earlier = roles.node[after_other], roles.other[after_other]
    wave = xp.zeros_like(rank)
    number = 0
    while len(later):
        pushed = xp.zeros_like(drawn)
        pushed[later] = True
        wave += pushed
        follows = pushed[earlier]
        later, earlier = later[follows], earlier[follows]
        number += 1
    for current in range(number + 1):
        yield members[wave[members] == current], roles[wave[roles.node] == current]
