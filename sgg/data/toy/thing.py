"""A thing in a toy scene: what it is, where it stands, how it looks, and how it is joined to what bears it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sgg.data.toy.world import KIND_OF, LABELS

DISTANCE = 2.6
"""d' of a pair: the distance of the two classes' looks in standard deviations. The best observer of a single thing is
right in Phi(d'/2) = 90 % of cases; what is left is for the context."""

Box = tuple[float, float, float, float]


@dataclass(eq=False)
class Thing:
    """An object of a scene.

    box: x1, y1, x2, y2 in pixels. look: where it lies between the two classes of its pair: normal with sd 1/d' around 0
    for the first and 1 for the second. facing: 1 to the right, -1 to the left. predicate: the relation to its bearer
    (0: it stands alone), of which it is the subject unless it is worn or held. cue: how strongly that relation is drawn
    (length of a rider's leg, of a strap). layer: "back", "inside" or "front" of its bearer.
    """

    label: int
    look: float
    facing: int
    box: Box = (0., 0., 0., 0.)
    predicate: int = 0
    cue: float = 0.
    layer: str = "front"
    seated: bool = False
    slot: str = ""
    bearer: Thing | None = None
    borne: list[Thing] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What shares its shape."""
        return KIND_OF[self.label]

    @property
    def width(self) -> float:
        """Of its box, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Of its box, in pixels."""
        return self.box[3] - self.box[1]

    @property
    def center(self) -> tuple[float, float]:
        """Of its box, in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def at(self, u: float, v: float) -> tuple[float, float]:
        """The pixel at (u, v) of its box, (0, 0) the upper corner at its back, (1, 1) the lower in front."""
        if self.facing < 0:
            u = 1 - u
        return self.box[0] + u * self.width, self.box[1] + v * self.height

    def all(self) -> Iterator[Thing]:
        """Itself and everything it bears, directly or not."""
        yield self
        for thing in self.borne:
            yield from thing.all()


def draw_look(label: int, rng: np.random.Generator) -> float:
    """The look of a thing of this class."""
    return LABELS[KIND_OF[label]].index(label) + rng.standard_normal() / DISTANCE


def overlap(first: Box, second: Box) -> float:
    """Intersection of two boxes as a share of the smaller one."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return width * height / min(areas)
