"""The roles that objects play in the relations of a scene graph, and who therefore sees whose label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

from .arrays import A, namespace, numbers


@dataclass(frozen=True, eq=False)
class Roles(Generic[A]):
    """The roles that objects play in relations: node [K], who plays it; other [K], the other end; row [K], where its
    contexts begin (see Contexts.rows)."""

    node: A
    other: A
    row: A

    def __getitem__(self, index: A) -> Roles[A]:
        return Roles(self.node[index], self.other[index], self.row[index])


def played_roles(relations: A) -> tuple[A, A]:
    """[2E] the objects of relations [E, 3], subject and object in turn, and [2E] whether the role counts: none does in
    a background relation, and only the subject's in a relation of an object with itself."""
    subject, obj, annotated = relations[:, 0], relations[:, 1], relations[:, 2] > 0
    counts = namespace(relations).stack([annotated, annotated & (subject != obj)], 1)
    return relations[:, :2].reshape(-1), counts.reshape(-1)


def waves(drawn: A, roles: Roles[A], rank: A) -> Iterator[tuple[A, Roles[A]]]:
    """Drawn objects and their roles in waves: an object comes after those that it sees and that were drawn before it.

    Objects of one wave do not see each other's changes, so that relabelling wave by wave, each at once, gives the same
    labels as relabelling one object after another.
    """
    xp = namespace(rank)
    members = numbers(rank)[drawn]
    sees_change = rank[roles.other] < rank[roles.node]
    later, earlier = roles.node[sees_change], roles.other[sees_change]
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
