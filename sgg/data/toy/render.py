"""Paint a scene: background, things from far to near, the joints between them, noise."""

from __future__ import annotations

import colorsys
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from sgg.data.toy import shapes
from sgg.data.toy.scene import SIDE, Scene
from sgg.data.toy.thing import Thing

_SCALE = 2      # canvas pixels to a image pixel: edges are smoothed by averaging
_NOISE = 5.     # sd of the pixels' noise, of 255
_NOISE_SIDE = 384


@cache
def _noise_field() -> np.ndarray:
    """A large field of pixel noise. Every image gets a window of it, which is much cheaper than new noise."""
    noise = np.random.default_rng(0).standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3), dtype=np.float32)
    return np.rint(_NOISE * noise).astype(np.int16)


def render(scene: Scene) -> Image.Image:
    """The image of a scene, [176, 176] RGB; always the same for the same scene."""
    rng = np.random.default_rng(scene.seed)
    canvas = _background(rng)
    draw = ImageDraw.Draw(canvas)
    for root in scene.groups:
        _paint(draw, root)
    x, y = rng.integers(0, _NOISE_SIDE - SIDE, 2)
    pixels = np.asarray(canvas.reduce(_SCALE)) + _noise_field()[y:y + SIDE, x:x + SIDE]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1., saturation, value))


def _background(rng: np.random.Generator) -> Image.Image:
    """Sky and ground with colour gradients, and a line of hills."""
    horizon = int(rng.uniform(.38, .48) * SIDE)
    sky, ground = _hsv(rng.normal(.56, .02), .20, .97), _hsv(rng.normal(.24, .03), .26, .84)
    far = np.linspace(0, 1, horizon)[:, None]
    near = np.linspace(0, 1, SIDE - horizon)[:, None]
    column = np.concatenate([sky + far * (250 - sky) * .7, ground * (1. - .12 * near)])
    canvas = Image.fromarray(np.repeat(np.rint(column).astype(np.uint8)[:, None], SIDE, axis=1))
    canvas = canvas.resize((SIDE * _SCALE, SIDE * _SCALE), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(canvas)
    hills = tuple(int(c) for c in _hsv(rng.normal(.30, .03), .16, .80))
    for x in rng.uniform(0, SIDE, 3):
        width, height = rng.uniform(35, 70), rng.uniform(6, 16)
        draw.pieslice([_SCALE * v for v in (x - width, horizon - height, x + width, horizon + height)], 180, 360,
                      fill=hills)
    tuft = tuple(int(c) for c in ground * .86)
    for x, y in zip(rng.uniform(0, SIDE, 14), rng.uniform(horizon + 6, SIDE, 14), strict=True):
        draw.line([_SCALE * v for v in (x - 2, y - 2, x, y, x + 2, y - 2)], fill=tuft)
    return canvas


def _paint(draw: ImageDraw.ImageDraw, thing: Thing) -> None:
    """Paint a thing and all things that it bears, in the order in which they hide one another."""
    pen = shapes.Pen(draw, thing, _SCALE)
    layers = {layer: [other for other in thing.borne if other.layer == layer] for layer in ("back", "inside", "front")}
    for other in layers["back"]:
        _paint(draw, other)
    if thing.kind == "container":
        shapes.container_back(pen)
        for other in layers["inside"]:
            _paint(draw, other)
        shapes.container_front(pen)
    else:
        shapes.SHAPES[thing.kind](pen)
        for other in layers["inside"]:
            _paint(draw, other)
            if thing.kind == "tree":
                shapes.tree_front(pen, other)
    for other in layers["front"]:
        _paint(draw, other)
        _join(draw, other, thing)


def _join(draw: ImageDraw.ImageDraw, thing: Thing, bearer: Thing) -> None:
    """Draw the joint of a thing and its bearer over both: an arm, a leg, straps."""
    pen, bearers = shapes.Pen(draw, thing, _SCALE), shapes.Pen(draw, bearer, _SCALE)
    if thing.slot == "hand":
        x, y = thing.center
        u = (x - bearer.box[0]) / bearer.width
        u = u if bearer.facing > 0 else 1 - u
        v = (y - bearer.box[1]) / bearer.height
        tall = 1 / (.72 + .3 * bearer.cue) if bearer.seated else 1.
        reach = u - .38 * thing.width / bearer.width
        bearers.line(((.72, .31 * tall), (.5 * (.72 + reach) + .02, .5 * (.31 * tall + v) + .05), (reach, v)),
                     bearers.shade, 3.6 * bearer.width / 25)
        bearers.ellipse(reach + .04, v, .08, .08 * bearer.width / bearer.height, shapes.SKIN, (150, 108, 84), .4)
    elif thing.seated:
        _leg(pen, thing)
    elif thing.slot == "face" and thing.cue > .05:
        _straps(pen, thing)


def _leg(pen: shapes.Pen, thing: Thing) -> None:
    if thing.kind == "person":
        hip, colour = .64 / (.72 + .3 * thing.cue), shapes.TROUSERS
        pen.line(((.48, hip), (.62, .5 * (hip + 1)), (.58, .97)), colour, 5. * thing.width / 25)
        pen.line(((.54, .98), (.74, .98)), shapes.SHOES, 3. * thing.width / 25)
    else:
        hip = .62
        pen.line(((.44, hip), (.50, .98)), pen.edge, 3. * thing.width / 26)


def _straps(pen: shapes.Pen, thing: Thing) -> None:
    """Two bands across the thing, as long as its cue, with a bolt at either end."""
    half = .62 * min(1.1, thing.cue)
    for v in (.22, .78):
        pen.line(((.5 - half, v), (.5 + half, v)), shapes.INK, 1.6)
        for u in (.5 - half, .5 + half):
            pen.ellipse(u, v, 1.6 / thing.width, 1.6 / thing.height, shapes.METAL, shapes.INK, .5)
