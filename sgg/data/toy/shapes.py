"""Draw each kind of thing: one function per kind, which draws in the unit square of the thing's box.

(0, 0) is the upper corner at the thing's back, (1, 1) the lower one in front. `look` runs from 0 (the first class of
the pair) to 1 (the second): it moves the hue and one detail of the shape together, so that neither tells more than the
other.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import ImageDraw

from sgg.data.toy.thing import Thing

Colour = tuple[int, int, int]
Point = tuple[float, float]

# kind -> hue at look 0, hue at look 1 (turns), saturation, value
_PAINT = {
    "person": (.57, .71, .58, .84), "pet": (.05, .145, .56, .86), "mount": (.01, .11, .52, .66),
    "vehicle": (.46, .59, .70, .72), "furniture": (.06, .16, .50, .66), "vessel": (.88, 1.01, .55, .92),
    "round": (.09, -.02, .80, .92), "headgear": (.14, .27, .72, .84), "container": (.08, .20, .50, .72),
    "flyer": (.54, .68, .56, .74), "plate": (.00, -.13, .62, .92), "tree": (.33, .33, .50, .58),
    "house": (.10, .10, .26, .90),
}
SKIN, HAIR, TROUSERS, SHOES, METAL, WOOD, INK = (
    (236, 188, 150), (72, 48, 36), (70, 74, 92), (52, 40, 40), (176, 180, 188), (128, 92, 62), (46, 44, 52))


def paint(kind: str, look: float, lightness: float = 1.) -> Colour:
    """The colour of a kind with a look. A lightness below 1 gives the colour of shaded sides and outlines."""
    first, second, saturation, value = _PAINT[kind]
    hue = first + (second - first) * look
    rgb = colorsys.hsv_to_rgb(hue % 1., saturation, min(1., value * lightness))
    red, green, blue = (round(255 * channel) for channel in rgb)
    return red, green, blue


@dataclass
class Pen:
    """Draws in the unit square of a thing. scale: pixels of the canvas per pixel of the image."""

    draw: ImageDraw.ImageDraw
    thing: Thing
    scale: int

    def __post_init__(self) -> None:
        look = self.thing.look
        self.fill = paint(self.thing.kind, look)
        self.shade = paint(self.thing.kind, look, .72)
        self.edge = paint(self.thing.kind, look, .42)
        self.detail = min(1.3, max(-.3, look))
        (x0, y0), (x1, y1) = self.thing.at(0., 0.), self.thing.at(1., 1.)
        self._frame = x0 * self.scale, (x1 - x0) * self.scale, y0 * self.scale, (y1 - y0) * self.scale

    def _points(self, points: Sequence[Point]) -> list[tuple[float, float]]:
        x, width, y, height = self._frame
        return [(x + u * width, y + v * height) for u, v in points]

    def polygon(self, points: Sequence[Point], fill: Colour | None = None, edge: Colour | None = None,
                width: float = .7) -> None:
        """Draw a filled polygon."""
        self.draw.polygon(self._points(points), fill=fill or self.fill, outline=edge or self.edge,
                          width=max(1, round(width * self.scale)))

    def ellipse(self, u: float, v: float, ru: float, rv: float, fill: Colour | None = None,
                edge: Colour | None = None, width: float = .7) -> None:
        """Draw a filled ellipse around (u, v) with half axes ru and rv."""
        (x1, y1), (x2, y2) = self._points(((u - ru, v - rv), (u + ru, v + rv)))
        self.draw.ellipse((min(x1, x2), y1, max(x1, x2), y2), fill=fill or self.fill, outline=edge or self.edge,
                          width=max(1, round(width * self.scale)))

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line. width: in pixels of the image."""
        self.draw.line(self._points(points), fill=colour, width=max(1, round(width * self.scale)), joint="curve")

    def ring(self, u: float, v: float, ru: float, rv: float, colour: Colour, width: float) -> None:
        """Draw the outline of an ellipse."""
        (x1, y1), (x2, y2) = self._points(((u - ru, v - rv), (u + ru, v + rv)))
        self.draw.ellipse((min(x1, x2), y1, max(x1, x2), y2), outline=colour, width=max(1, round(width * self.scale)))


def _person(pen: Pen) -> None:
    size, tall = pen.thing.width / 25, 1.
    if pen.thing.seated:   # the unit square ends at the foot: draw in a square of standing height
        tall = 1 / (.72 + .3 * pen.thing.cue)

    def up(*points: Point) -> list[Point]:
        return [(u, v * tall) for u, v in points]

    hair = .17 + .13 * max(0., pen.detail)
    pen.polygon(up((.24, .06), (.36, .0), (.64, .0), (.76, .06), (.79, hair), (.21, hair)), HAIR, HAIR)
    if not pen.thing.seated:
        for side in (-1, 1):
            pen.line(((.5 + .13 * side, .6), (.5 + .16 * side, .96)), TROUSERS, 4.2 * size)
            pen.line(((.5 + .12 * side, .98), (.5 + .22 * side, .98)), SHOES, 2.6 * size)
    flare, hem = .10 * pen.detail, .63 + .05 * pen.detail
    pen.line(up((.26, .30), (.10, .44), (.12, .58)), pen.shade, 3.6 * size)
    pen.polygon(up((.22, .27), (.38, .235), (.62, .235), (.78, .27), (.74, .45), (.74 + flare, hem),
                   (.26 - flare, hem), (.26, .45)))
    if not any(other.slot == "hand" for other in pen.thing.borne):
        pen.line(up((.74, .30), (.90, .44), (.88, .58)), pen.shade, 3.6 * size)
    pen.ellipse(.5, .125 * tall, .24, .105 * tall, SKIN, (150, 108, 84))
    pen.polygon(up((.26, .10), (.30, .03), (.5, .0), (.70, .03), (.74, .09), (.5, .06)), HAIR, HAIR)
    for u in (.52, .66):
        pen.ellipse(u, .125 * tall, .03, .012 * tall, INK, INK)


def _pet(pen: Pen) -> None:
    unit = pen.thing.width / 26
    pen.line(((.16, .52), (.05, .40 - .06 * pen.detail), (.03, .18 - .06 * pen.detail)), pen.shade, 2.6 * unit)
    for u in (.20, .31, .58, .68):
        pen.line(((u, .66), (u, .98)), pen.shade, 2.8 * unit)
    pen.ellipse(.43, .60, .34, .22)
    ear = .22 * pen.detail   # hanging (dog) to pointed (cat)
    pen.ellipse(.78, .34, .20, .27)
    for u in (.66, .88):
        pen.polygon(((u - .08, .20), (u, .20 - ear), (u + .09, .22), (u + .03, .44 - ear)), pen.shade)
    pen.ellipse(.92, .42, .08, .11, pen.fill)
    pen.ellipse(.97, .38, .03, .045, INK, INK)
    pen.ellipse(.80, .29, .025, .035, INK, INK)


def _mount(pen: Pen) -> None:
    unit = pen.thing.width / 56
    pen.line(((.12, .42), (.04, .52), (.03, .76)), pen.edge, 2.6 * unit)
    for u, foot in ((.20, .17), (.31, .32), (.60, .59), (.70, .72)):
        pen.line(((u, .6), (foot, .97)), pen.shade, 4.2 * unit)
        pen.line(((foot - .02, .975), (foot + .03, .975)), INK, 2.6 * unit)
    pen.polygon(((.60, .40), (.78, .06), (.90, .16), (.74, .60)))
    pen.ellipse(.43, .50, .33, .19)
    pen.polygon(((.55, .36), (.72, .34), (.72, .62), (.58, .66)), pen.fill, pen.fill)
    pen.polygon(((.76, .06), (.86, .05), (1., .25), (.96, .32), (.84, .25)))
    pen.ellipse(.86, .13, .016, .02, INK, INK)
    mane, horn = max(.05, .9 - pen.detail), max(0., pen.detail)
    pen.line(((.76, .05), (.70, .18), (.62, .36)), INK, 3.2 * unit * mane)
    pen.line(((.80, .07), (.80 - .02 * horn, .07 - .06 * horn), (.83, .07 - .07 * horn)), (232, 226, 206), 2. * unit)
    pen.line(((.35, .66), (.42, .69), (.50, .68)), pen.shade, 2. * unit)


def _vehicle(pen: Pen) -> None:
    unit = pen.thing.width / 52
    for u in (.22, .78):
        pen.ring(u, .70, .185, .29, INK, 2.6 * unit)
        pen.ellipse(u, .70, .03, .05, METAL, INK)
    thick = 2.4 + 1.6 * pen.detail
    pen.line(((.22, .70), (.40, .34), (.70, .40), (.46, .70), (.22, .70)), pen.fill, thick * unit)
    pen.line(((.40, .34), (.46, .70)), pen.fill, thick * unit)
    pen.line(((.78, .70), (.70, .40), (.67, .08), (.80, .03)), METAL, 2.2 * unit)
    body = .10 + .09 * pen.detail
    pen.ellipse(.52, .44, .7 * body + .06, body, pen.fill)
    pen.polygon(((.06, .40), (.30, .40), (.28, .45), (.08, .45)), pen.shade)
    pen.polygon(((.28, .23), (.54, .23), (.50, .33), (.34, .33)), INK, INK)


def _furniture(pen: Pen) -> None:
    low = .10 * pen.detail
    for u in (.10, .86):
        pen.polygon(((u, .2), (u + .07, .2), (u + .06, .99), (u + .01, .99)), pen.shade)
    pen.polygon(((.14, .56 + low), (.88, .56 + low), (.88, .62 + low), (.14, .62 + low)), pen.shade)
    pen.polygon(((.06, .02), (.94, .02), (1., .16), (.0, .16)))
    pen.polygon(((.0, .16), (1., .16), (1., .27), (.0, .27)), pen.shade)
    for i in range(1, 4):
        u = .25 * i
        pen.line(((u, .03), (u + .04 * (u - .5), .15)), pen.shade, .4 + .5 * max(0., pen.detail))


def _vessel(pen: Pen) -> None:
    ear = .14 + .07 * pen.detail
    pen.ring(.78, .52, .20, .10 + ear, pen.shade, 1.8)
    foot = .10 - .06 * pen.detail
    pen.polygon(((.04, .12), (.76, .12), (.72 - foot, .94), (.62 - foot, 1.), (.18 + foot, 1.), (.08 + foot, .94)))
    pen.ellipse(.40, .13, .37, .12, (248, 240, 232))
    pen.ellipse(.40, .15, .28, .07, (110, 72, 52), (110, 72, 52))


def _round(pen: Pen) -> None:
    stem = max(0., pen.detail)
    pen.ellipse(.5, .53, .49, .47)
    pen.ellipse(.36, .36, .12, .10, (255, 240, 220), (255, 240, 220))
    pen.line(((.08, .62), (.40, .78 - .2 * stem), (.92, .66)), pen.shade, 1.4 - .9 * min(1., stem))
    pen.line(((.5, .14), (.54, .14 - .12 * stem)), WOOD, 1.5)
    pen.polygon(((.54, .10), (.54 + .22 * stem, .10 - .08 * stem), (.54 + .14 * stem, .10 + .06 * stem)),
                (104, 158, 84), (104, 158, 84))


def _headgear(pen: Pen) -> None:
    brim = 1.1 - .5 * pen.detail
    top = .12 - .10 * pen.detail
    pen.ellipse(.5, .62, .32 + .08 * pen.detail, .6 - top, pen.fill)
    pen.polygon(((.12, .62), (.88, .62), (.90, .78), (.10, .78)), pen.shade)
    pen.ellipse(.5, .86, min(.5, .46 * brim + .06), .13)


def _container(pen: Pen) -> None:
    container_back(pen)
    container_front(pen)


def container_back(pen: Pen) -> None:
    """Draw the part of a container behind its contents."""
    handle = .24 + .06 * pen.detail
    pen.ring(.5, .26, .36, handle, pen.edge, 1.2)
    pen.ellipse(.5, .26, .48, .11, paint("container", pen.thing.look, .5))


def container_front(pen: Pen) -> None:
    """Draw the part of a container in front of its contents."""
    taper = .10 + .08 * pen.detail
    pen.polygon(((.02, .28), (.14, .345), (.5, .37), (.86, .345), (.98, .28), (1. - taper, .95), (.8, 1.), (.2, 1.),
                 (taper, .95)))
    weave = .9 * max(0., 1. - pen.detail)
    for v in (.5, .66, .82):
        pen.line(((.06, v), (.94, v)), pen.shade, .5 + weave)
    pen.line(((.5, .37), (.5, 1.)), pen.shade, .3 + weave)


def _flyer(pen: Pen) -> None:
    scallop, beak = .14 * pen.detail, .12 * max(0., 1. - pen.detail)
    pen.polygon(((.40, .50), (.22, .02), (.10, .14 + scallop), (.06, .34), (.20, .40 + scallop), (.34, .70)), pen.shade)
    pen.polygon(((.02, .72 - .10 * pen.detail), (.30, .56), (.34, .78), (.08, .94 - .14 * pen.detail)), pen.shade)
    pen.ellipse(.52, .66, .30, .24)
    pen.polygon(((.46, .58), (.56, .0), (.40, .10 + scallop), (.34, .24), (.36, .34 + scallop), (.36, .56)))
    pen.polygon(((.88, .44), (.90 + beak, .54), (.88, .60)), (240, 176, 64), (190, 130, 40))
    pen.ellipse(.80, .50, .14, .20)
    for u in (.72, .84):   # ears
        pen.polygon(((u - .04, .36), (u, .36 - .24 * max(0., pen.detail)), (u + .05, .36)), pen.shade)
    pen.ellipse(.84, .46, .03, .05, INK, INK)


def _plate(pen: Pen) -> None:
    cut = .10 + .19 * max(0., pen.detail)   # square (sign) to octagon, nearly round (clock)
    pen.polygon(((cut, .02), (1 - cut, .02), (.98, cut), (.98, 1 - cut), (1 - cut, .98), (cut, .98), (.02, 1 - cut),
                 (.02, cut)), width=1.)
    pen.ellipse(.5, .5, .38, .36, (250, 246, 236), pen.shade)
    bars, hands = .24 * max(0., 1. - pen.detail), max(0., pen.detail)   # writing (sign) to hands (clock)
    for v in (.38, .52, .66):
        pen.line(((.5 - bars, v), (.5 + bars, v)), pen.shade, 1.4)
    pen.line(((.5, .5 - .26 * hands), (.5, .5), (.5 + .20 * hands, .5 + .06 * hands)), INK, 1.3)


def _tree(pen: Pen) -> None:
    pen.polygon(((.42, .55), (.58, .55), (.62, .96), (.70, 1.), (.30, 1.), (.38, .96)), WOOD, (84, 60, 42))
    for u, v, r in ((.24, .46, .24), (.76, .46, .24), (.34, .24, .26), (.66, .24, .26), (.5, .16, .20)):
        pen.ellipse(u, v, r, r * .62)
    pen.ellipse(.5, .38, .34, .26, pen.fill, pen.fill)
    for u, v in ((.30, .30), (.62, .24), (.48, .48), (.74, .44), (.22, .46)):
        pen.line(((u - .04, v), (u, v + .02), (u + .04, v)), pen.shade, 1.)


def tree_front(pen: Pen, inside: Thing) -> None:
    """Draw leaves over the thing in a tree."""
    x1, y1, x2, y2 = inside.box
    for share in (.08, .38, .68, .96):
        u = ((x1 + share * (x2 - x1)) - pen.thing.box[0]) / pen.thing.width
        if pen.thing.facing < 0:
            u = 1 - u
        v = (y2 - .02 * (y2 - y1) * (1 + share)) / 1. - pen.thing.box[1]
        pen.ellipse(u, v / pen.thing.height, .085, .05, pen.fill, pen.shade)


def _house(pen: Pen) -> None:
    roof = (176, 96, 78)
    pen.polygon(((.70, .0), (.80, .0), (.80, .30), (.70, .30)), (150, 120, 110))
    pen.polygon(((.06, .38), (.94, .38), (.94, 1.), (.06, 1.)))
    pen.polygon(((.16, .03), (.84, .03), (1., .42), (.0, .42)), roof, (108, 54, 44), 1.)
    for v in (.16, .29):
        inset = .16 - .41 * (v - .03)
        pen.line(((inset, v), (1 - inset, v)), (150, 80, 66), 1.)
    pen.polygon(((.12, .45), (.42, .45), (.42, 1.), (.12, 1.)), (84, 66, 60), (70, 52, 46), 1.2)
    pen.polygon(((.60, .52), (.88, .52), (.88, .80), (.60, .80)), (190, 216, 228), (120, 110, 100), 1.)
    pen.line(((.74, .52), (.74, .80)), (120, 110, 100), 1.)


SHAPES: dict[str, Callable[[Pen], None]] = {
    "person": _person, "pet": _pet, "mount": _mount, "vehicle": _vehicle, "furniture": _furniture, "vessel": _vessel,
    "round": _round, "headgear": _headgear, "container": _container, "flyer": _flyer, "plate": _plate, "tree": _tree,
    "house": _house,
}
"""The drawing function of each kind, for a thing without bearer."""
