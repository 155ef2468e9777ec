"""The geometry of the predicates: the place of a thing that is related to another thing.

Several predicates look alike: they differ by one *measure* only, drawn from normal distributions that overlap
(`Edition.cues`). The measures are how long a rider's leg is (`leg`), how deep a thing is sunk in a container (`sunk`),
how long its straps are (`straps`), how far it is hidden behind its bearer (`hidden`, in widths) and raised above its
ground (`raised`, in pixels), how low it is held (`grip`), and where a hat is beside its place on the head (`brim`, in
heights, downwards). There the habits of the classes help to decide; in an unseen composition they mislead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sgg.data.toy.edition import Edition
from sgg.data.toy.thing import Box, Thing

SIZE = {   # width and height in pixels, at the middle of the ground
    "person": (25, 58), "pet": (26, 21), "mount": (56, 44), "vehicle": (52, 33), "furniture": (54, 28),
    "vessel": (15, 15), "round": (15, 15), "headgear": (22, 13), "container": (24, 22), "flyer": (25, 16),
    "plate": (19, 19), "tree": (56, 80), "house": (74, 68),
}

# Where things sit on top of a kind: (u, v) of its box, one for each thing.
_TOPS = {
    "furniture": ((.25, .04), (.74, .04)), "mount": ((.42, .33),), "vehicle": ((.40, .26),),
    "container": ((.5, .12),), "house": ((.36, .03), (.66, .03)), "tree": ((.5, .04),),
}
_FACES = {"house": (.74, .66), "tree": (.5, .74), "furniture": (.5, .45), "mount": (.22, .50)}
_RACK, _LAMP = (.13, .32), (.84, .36)   # of a vehicle: behind its saddle, at its handlebar


def spot(thing: Thing, bearer: Thing, index: int) -> tuple[float, float]:
    """The pixel of the thing's slot on its bearer."""
    if thing.slot == "top" and bearer.kind in _TOPS:
        return bearer.at(*_TOPS[bearer.kind][index])
    if thing.slot == "face":
        if bearer.kind == "vehicle":
            return bearer.at(*(_RACK if thing.kind == "container" else _LAMP))
        return bearer.at(*_FACES[bearer.kind])
    return bearer.at(.5, 0.)


@dataclass(frozen=True)
class Draws:
    """The random numbers of one thing's place."""

    edition: Edition
    thing: Thing
    rng: np.random.Generator

    def measure(self, name: str) -> float:
        """A value of the measure for the thing's predicate; the thing keeps it."""
        value = self.edition.cues[name][self.thing.predicate].draw(self.rng)
        self.thing.measured[name] = value
        return value


def place(thing: Thing, bearer: Thing, edition: Edition, size: tuple[float, float], index: int,
          rng: np.random.Generator) -> None:
    """Set box, layer, cue and pose of a thing that has the relation `thing.predicate` to its bearer.

    size: its width and height in pixels. index: the number of the slot, among the bearer's slots of this kind.
    """
    x1, y1, x2, y2 = _RULES[thing.predicate](thing, bearer, *size, index, Draws(edition, thing, rng))
    thing.box = float(x1), float(y1), float(x2), float(y2)


def _standing(x: float, bottom: float, width: float, height: float) -> Box:
    return x - width / 2, bottom - height, x + width / 2, bottom


def _centered(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _on(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    x, y = spot(thing, bearer, index)
    if thing.slot == "face":
        return _strapped(thing, x, y, width, height, draws.measure("straps"))
    if thing.slot == "top" and bearer.kind in ("mount", "vehicle") and thing.kind in ("person", "pet"):
        return _seated(thing, x, y, width, height, draws.measure("leg"))
    if bearer.kind == "container":
        return _sunk(thing, x, y, width, height, draws.measure("sunk"))
    sunk = draws.rng.normal(.25, .1) if bearer.kind == "tree" else draws.rng.normal(0., .06)
    return _standing(x + draws.rng.normal(0., .08) * bearer.width, y + sunk * height, width, height)


def _riding(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    x, y = spot(thing, bearer, index)
    return _seated(thing, x, y, width, height, draws.measure("leg"))


def _seated(thing: Thing, x: float, y: float, width: float, height: float, leg: float) -> Box:
    """The box of a rider: its seat is at (x, y), and its leg hangs down by the fraction `leg` of its height."""
    thing.seated, thing.cue = True, float(np.clip(leg, 0., 1.3))
    seat = .66 if thing.kind == "person" else .82
    return x - width / 2, y - seat * height, x + width / 2, y + (.06 + .3 * thing.cue) * height


def _in(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    thing.layer = "inside"
    if bearer.kind == "container":
        return _sunk(thing, *spot(thing, bearer, index), width, height, draws.measure("sunk"))
    if bearer.kind == "tree":
        x, y = bearer.at(draws.rng.uniform(.28, .72), draws.rng.uniform(.22, .46))
        return _centered(x, y, width, height)
    x, y = bearer.at(.27, 1.)   # the doorway of a house
    scale = min(1., .54 * bearer.height / height, .30 * bearer.width / width)
    return _standing(x, y - 1, width * scale, height * scale)


def _sunk(thing: Thing, x: float, y: float, width: float, height: float, depth: float) -> Box:
    thing.layer = "inside"
    return _standing(x, y + float(np.clip(depth, -.05, .75)) * height, width, height)


def _above(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    x, _ = spot(thing, bearer, index)
    top = min(other.box[1] for other in bearer.all() if other is not thing and other.box != (0., 0., 0., 0.))
    gap = max(.05, draws.rng.normal(.55, .25))
    return _standing(x + draws.rng.normal(0., .12) * bearer.width, top - gap * height, width, height)


def _under(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    if bearer.kind == "tree":
        side = draws.rng.choice((-1, 1))
        x = bearer.center[0] + side * (.10 * bearer.width + abs(draws.rng.normal(.18, .10)) * bearer.width)
        return _standing(x, bearer.box[3] + draws.rng.normal(2., 1.5), width, height)
    thing.layer = "back"
    room = (.80 if bearer.kind == "furniture" else .42) * bearer.height
    scale = min(1., room / height)
    x = bearer.center[0] + draws.rng.uniform(-.2, .2) * bearer.width
    return _standing(x, bearer.box[3] + draws.rng.normal(0., .8), width * scale, height * scale)


def _beside(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    """The box of a thing on the ground at the left (index 0) or right of its bearer."""
    hidden, raised = draws.measure("hidden"), draws.measure("raised")
    thing.layer = "back"
    side = -1 if index == 0 else 1
    if bearer.kind == "tree":   # seen from its trunk, not from its crown
        edge = bearer.center[0] + side * .34 * bearer.width
    else:
        edge = bearer.box[0] if side < 0 else bearer.box[2]
    x = edge + side * (.5 - hidden) * width
    return _standing(x, bearer.box[3] - raised, width, height)


def _held(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    """The box of a held thing, in front of its holder."""
    x, y = bearer.at(1.0, draws.measure("grip"))
    x += bearer.facing * (.38 * width)
    return _centered(x, y, width, height)


def _wearing(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    """The box of headgear on the head of its wearer, or balanced above it."""
    u, v, scale = {"person": (.5, .075, .84), "pet": (.80, .14, .66), "mount": (.88, .10, .8)}[bearer.kind]
    x, y = bearer.at(u, v)
    width, height = width * scale, height * scale
    return _standing(x + draws.rng.normal(0., .4), y + draws.measure("brim") * height, width, height)


def _attached(thing: Thing, bearer: Thing, width: float, height: float, index: int, draws: Draws) -> Box:
    return _strapped(thing, *spot(thing, bearer, index), width, height, draws.measure("straps"))


def _strapped(thing: Thing, x: float, y: float, width: float, height: float, cue: float) -> Box:
    thing.cue = float(np.clip(cue, 0., 1.3))
    return _centered(x, y, width, height)


_RULES: dict[str, Callable[[Thing, Thing, float, float, int, Draws], Box]] = {
    "on": _on, "near": _beside, "behind": _beside, "under": _under, "in": _in, "above": _above,
    "holding": _held, "wearing": _wearing, "riding": _riding, "attached to": _attached,
    "sitting on": _riding, "beside": _beside, "carrying": _held, "hanging from": _attached, "balancing": _wearing,
}
