"""A thumbnail of the surroundings of a relation: S at the subject's box, O at the object's, told apart by shape too."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 240
"""The longer side, in pixels."""
MOST_BYTES = 12_000
SUBJECT, OBJECT, HALO = (0, 114, 178), (213, 94, 0), (255, 255, 255)
DASH = 7
ROOM, LEAST = 1.7, 0.4
"""The surroundings are so many times as wide and high as both boxes together, and at least this part of the image."""
TAG = 15
Box = tuple[float, float, float, float]


def thumbnail(image: np.ndarray, subject: Box, other: Box) -> bytes:
    """A JPEG of at most `MOST_BYTES`. image: [h, w, 3] uint8. subject, other: x1, y1, x2, y2 in its pixels; `other` is
    the object of the relation. The subject's box is blue and solid, the object's orange and dashed."""
    left, top, right, bottom = _surroundings((image.shape[1], image.shape[0]), subject, other)
    part = image[top:bottom, left:right]
    boxes = [(x1 - left, y1 - top, x2 - left, y2 - top) for x1, y1, x2, y2 in (subject, other)]
    side = float(SIDE)
    while True:
        drawn = _drawn(part, boxes[0], boxes[1], side)
        for quality in (80, 65, 50, 35, 20):
            buffer = io.BytesIO()
            drawn.save(buffer, "JPEG", quality=quality, optimize=True)
            if len(buffer.getvalue()) <= MOST_BYTES:
                return buffer.getvalue()
        side *= 0.7


def _surroundings(size: tuple[int, int], subject: Box, other: Box) -> tuple[int, int, int, int]:
    """The part of an image to show, x1, y1, x2, y2. size: width and height of the image."""
    low, high = [], []
    for axis, length in enumerate(size):
        first, last = min(subject[axis], other[axis]), max(subject[axis + 2], other[axis + 2])
        wide = min(length, max(ROOM * (last - first), LEAST * length, 1))
        start = min(max(0, (first + last - wide) / 2), length - wide)
        low.append(int(start))
        high.append(min(length, int(start + wide + 0.999)))
    return low[0], low[1], high[0], high[1]


def _drawn(image: np.ndarray, subject: Box, other: Box, side: float) -> Image.Image:
    scale = side / max(image.shape[:2])
    height, width = (max(1, round(scale * length)) for length in image.shape[:2])
    canvas = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    draw = ImageDraw.Draw(canvas)
    for box, colour, dash, letter in ((other, OBJECT, DASH, "O"), (subject, SUBJECT, 0, "S")):
        x1, y1, x2, y2 = (scale * place for place in box)
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
        draw.line(corners, HALO, 5)
        for start, end in pairwise(corners):
            for first, last in _dashes(start, end, dash):
                draw.line([first, last], colour, 3)
        # Outside of the box where there is room, S at its left and O at its right, so that both are seen.
        left = min(max(0, x1 if letter == "S" else x2 - TAG), width - TAG)
        top = y1 - TAG - 2 if y1 > TAG else min(y2 + 2, height - TAG)
        draw.rectangle((left, top, left + TAG - 1, top + TAG), fill=colour)
        draw.text((left + TAG / 2, top + TAG / 2), letter, HALO, ImageFont.load_default(13), anchor="mm")
    return canvas


def _dashes(start: tuple[float, float], end: tuple[float, float],
            dash: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The parts of a line that are drawn. dash: their length; 0: the whole line."""
    if not dash:
        return [(start, end)]
    (x1, y1), (x2, y2) = start, end
    length = max(abs(x2 - x1), abs(y2 - y1), 1.0)

    def at(place: float) -> tuple[float, float]:
        part = min(place / length, 1.0)
        return x1 + part * (x2 - x1), y1 + part * (y2 - y1)

    return [(at(place), at(place + dash)) for place in range(0, int(length) + 1, 2 * dash)]
