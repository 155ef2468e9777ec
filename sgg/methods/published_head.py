"""How checkpoints of a relation head's public implementation look."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]
"""The shapes of a head's published weights, by the names that the implementation gives them within the head."""


@dataclass(frozen=True)
class PublishedHead:
    """The weights of a head as its public implementation names them (docs/SYSTEM.md section 7).

    marks: names that together only this head has. labels, predicates: the names of a table with a row for each class,
    as wide as word vectors, and of a weight with a row for each predicate. settings: those of ours that the shapes
    show. names: prefixes of published names -> ours, given these settings. reshaped: ends of names whose weights have
    another shape of as many numbers. unused: prefixes of weights that have no place in ours, unless `names` has
    them. separate: the setting that is true where a checkpoint keeps the drawing of boxes apart (SEPARATE_SPATIAL);
    None: the head has no such setting.
    """

    marks: frozenset[str]
    labels: str
    predicates: str
    settings: Callable[[Shapes], dict[str, Any]]
    names: Callable[[Mapping[str, Any]], Mapping[str, str]]
    reshaped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    separate: str | None = None

    def fits(self, names: Collection[str]) -> bool:
        """Whether weights of these `names` are of this head."""
        return self.marks <= set(names)


def layers(shapes: Shapes, name: str) -> int:
    """The number of layers of a network. name: of one of its weights, with {} for the number of the layer."""
    count = 0
    while name.format(count) in shapes:
        count += 1
    return count
