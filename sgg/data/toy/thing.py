"""A thing in a toy scene: its class, its place, its look, and its joint to its bearer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sgg.data.toy.kinds import KIND_OF, LABELS

DISTANCE = 2.6
"""d' of a pair: the distance of the two classes' mean looks in standard deviations. The best observer of a single thing
is right in Phi(d'/2) = 90 % of the cases; the context can decide the other cases."""

Box = tuple[float, float, float, float]


@dataclass(eq=False)
class Thing:
    """An object of a scene.

    box: x1, y1, x2, y2 in pixels. look: its position between the two classes of its pair, drawn from a normal
    distribution with sd 1/d' around 0 for the first class and 1 for the second. facing: 1 to the right, -1 to the left.
    predicate: the name of the relation to its bearer, empty for a thing without bearer. The thing is the subject,
    unless it is worn or held. measured: the values by measure that were drawn for its predicate (`Edition.cues`). cue:
    how clearly the relation is drawn (length of a rider's leg, of a strap). layer: "back", "inside" or "front" of its
    bearer.
    """

    label: int
    look: float
    facing: int
    box: Box = (0., 0., 0., 0.)
    predicate: str = ""
    measured: dict[str, float] = field(default_factory=dict)
    cue: float = 0.
    layer: str = "front"
    seated: bool = False
    slot: str = ""
    bearer: Thing | None = None
    borne: list[Thing] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The kind of its class. Classes of a kind have the same shape."""
        return KIND_OF[self.label]

    @property
    def width(self) -> float:
        """The width of its box, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """The height of its box, in pixels."""
        return self.box[3] - self.box[1]

    @property
    def center(self) -> tuple[float, float]:
        """The centre of its box, in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def at(self, u: float, v: float) -> tuple[float, float]:
        """The pixel at (u, v) of its box, (0, 0) the upper corner at its back, (1, 1) the lower in front."""
        if self.facing < 0:
            u = 1 - u
        return self.box[0] + u * self.width, self.box[1] + v * self.height

    def all(self) -> Iterator[Thing]:
        """Itself and all things that it bears, directly or indirectly."""
        yield self
        for thing in self.borne:
            yield from thing.all()


def draw_look(label: int, rng: np.random.Generator) -> float:
    """Draw the look of a thing of a class."""
    return LABELS[KIND_OF[label]].index(label) + rng.standard_normal() / DISTANCE


def overlap(first: Box, second: Box) -> float:
    """The intersection of two boxes as a fraction of the smaller one."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return width * height / min(areas)
