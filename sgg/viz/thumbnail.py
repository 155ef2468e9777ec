"""A thumbnail of an image with the boxes of a relation: S at the subject, O at the object, told apart by shape too."""

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
Box = tuple[float, float, float, float]


def thumbnail(image: np.ndarray, subject: Box, other: Box) -> bytes:
    """A JPEG of at most `MOST_BYTES`. image: [h, w, 3] uint8. subject, other: x1, y1, x2, y2 in its pixels; `other` is
    the object of the relation. The subject's box is blue and solid, the object's orange and dashed."""
    side = float(SIDE)
    while True:
        drawn = _drawn(image, subject, other, side)
        for quality in (80, 65, 50, 35, 20):
            buffer = io.BytesIO()
            drawn.save(buffer, "JPEG", quality=quality, optimize=True)
            if len(buffer.getvalue()) <= MOST_BYTES:
                return buffer.getvalue()
        side *= 0.7


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
        left, top = min(max(0, x1), width - 15), min(max(0, y1), height - 16)
        if letter == "O":  # where both boxes begin at one corner, both letters are seen
            left = min(max(0, x2 - 15), width - 15)
        draw.rectangle((left, top, left + 14, top + 15), fill=colour)
        draw.text((left + 7.5, top + 8), letter, HALO, ImageFont.load_default(13), anchor="mm")
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
