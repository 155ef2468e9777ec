"""Lines of drawings: unbroken, dashed or dotted, curved, with arrows. So lines differ by shape, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import ImageDraw

from .labels import TEXT, font
from .rectangles import Rectangle, centre, inside

Colour = tuple[int, int, int]


class Stroke(NamedTuple):
    """The look of a line. dash: the lengths of its strokes and gaps in turn, in pixels; () for an unbroken line."""

    colour: Colour
    dash: tuple[float, ...] = ()


DASHED, DOTTED = (11.0, 6.0), (2.5, 5.5)


def pieces(points: np.ndarray, dash: Sequence[float]) -> list[np.ndarray]:
    """The parts [m, 2] of a line through points [n, 2] that are drawn."""
    if not dash or len(points) < 2:
        return [points]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    found: list[np.ndarray] = []
    start, number = 0.0, 0
    while start < along[-1]:
        end = min(start + dash[number % len(dash)], float(along[-1]))
        if number % 2 == 0:
            at = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
            found.append(np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1))
        start, number = end, number + 1
    return found


def draw_line(draw: ImageDraw.ImageDraw, points: np.ndarray, stroke: Stroke, width: int, scale: int = 1) -> None:
    """Draw a line through points [n, 2]. scale: by which `points` and `width` are enlarged already."""
    for piece in pieces(points, [scale * length for length in stroke.dash]):
        if len(piece) > 1:
            draw.line([tuple(point) for point in piece], stroke.colour, width, joint="curve")


def draw_edge(draw: ImageDraw.ImageDraw, place: Rectangle, stroke: Stroke, width: int) -> None:
    """Draw the four sides of a rectangle."""
    if not stroke.dash:
        draw.rectangle(place, outline=stroke.colour, width=width)
        return
    x1, y1, x2, y2 = place
    for side in ([[x1, y1], [x2, y1]], [[x2, y1], [x2, y2]], [[x2, y2], [x1, y2]], [[x1, y2], [x1, y1]]):
        draw_line(draw, np.array(side, np.float64), stroke, width)


def draw_link(draw: ImageDraw.ImageDraw, start: Rectangle, label: Rectangle, end: Rectangle, stroke: Stroke) -> None:
    """Draw a curve from the middle of `start` through that of `label` to the edge of `end`, with an arrow. The picture
    is twice as large as these rectangles, which smooths the curve when it is reduced."""
    first, middle, last = (centre(place) for place in (start, label, end))
    control = 2 * middle - (first + last) / 2  # a curve of degree two that passes through the middle of the label
    steps = np.linspace(0, 1, 33)[:, None]
    curve = (1 - steps) ** 2 * first + 2 * steps * (1 - steps) * control + steps ** 2 * last
    outside = np.array([point for point in curve if not inside(point, end)]).reshape(-1, 2)
    draw_line(draw, 2 * outside, stroke, 4, scale=2)
    _arrow(draw, outside[-2:], end, stroke.colour)


def write_centred(draw: ImageDraw.ImageDraw, place: Rectangle, text: str, ink: Colour, bold: bool = False) -> None:
    """Write a text into the middle of a rectangle."""
    x, y = centre(place)
    draw.text((x, y), text, ink, font(TEXT, bold), anchor="mm")


def _arrow(draw: ImageDraw.ImageDraw, last: np.ndarray, node: Rectangle, colour: Colour) -> None:
    """The head of an arrow that ends at a node's edge."""
    if len(last) < 2:
        return
    way = centre(node) - last[-1]
    tip = last[-1] + way * _until(way, node)
    along = (tip - last[-2]) / max(float(np.linalg.norm(tip - last[-2])), 1e-6)
    across = np.array([-along[1], along[0]])
    draw.line([tuple(2 * last[-1]), tuple(2 * tip)], colour, 4)
    draw.polygon([tuple(2 * point) for point in (tip, tip - 11 * along + 5 * across, tip - 11 * along - 5 * across)],
                 colour)


def _until(way: np.ndarray, node: Rectangle) -> float:
    """The fraction of the `way` to the centre of a node, from a point outside, after which it is at the edge."""
    half = np.array([node[2] - node[0], node[3] - node[1]]) / 2
    return max(0.0, 1 - float((half / np.maximum(np.abs(way), 1e-6)).min()))
