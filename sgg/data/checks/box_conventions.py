"""The ways in which files give a box, and the refusal of boxes that were written in another way than they are read.

A box *fits* when it has an area and lies in its picture, but for `SLACK`. A file is refused when two things are true:
enough of its boxes do not fit as they are read, and another way of reading lets nearly all of them fit.

The bounds. Boxes that were written as x1, y1, x2, y2 and are read as x, y, width, height leave their picture when
their centre is in its right or lower half: three of four. Boxes that were written by their centre leave it when the
gap to the border is smaller than half of the box; for objects of a tenth of the picture that is one of ten. So
`SHARE` is one of twenty. An honest file can have as many boxes that stick out (pictures that were cut from larger
ones), but these stick out on all sides, and an object at the left border fits by no other way of reading. At random,
an honest box that sticks out fits as corners, or as centre and size, once in four times (each axis: once in two), so
`LEAST` boxes do so less than once in a thousand files; the boxes that do not stick out have to fit by chance as well.
Published files pass, whatever their share of strays is, since many of their boxes lie at the left border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

SLACK = 0.01  # of the picture's side, and a pixel, that a box may stick out by: files round
SHARE = 1 / 20  # of the boxes that do not fit before a file is suspected
LEAST = 5  # boxes that do not fit before a file is suspected
MOST = 0.9  # of the boxes that must fit by another way of reading, which leaves at most a third as many that do not fit
UNIT_SHARE = 1 / 2  # of the boxes in 0..1, where strays leave it: in pixels, such a box is one pixel in a corner
TINY = 8  # pixels: pictures of smaller sides say nothing of units
SMALL_SHARE = 0.75  # of both sides of a picture that no box reaches beyond: boxes of smaller pictures
SMALL_LEAST = 50  # boxes, in SMALL_PICTURES pictures at least, before that is said
SMALL_PICTURES = 10
LARGE_SHARE = 1 / 5  # of the boxes that stick out at the right and below, ten times what does elsewhere: larger ones
REMEDY = ("Convert them; or, if the file is right, cut boxes off at the borders of their pictures with "
          "data.allow_clipping=true (--allow-clipping)")


@dataclass(frozen=True)
class Convention:
    """A way to give a box in four numbers. to_corners: [T, 4] numbers to x1, y1, x2, y2; from_corners: back."""

    name: str
    to_corners: Callable[[np.ndarray], np.ndarray]
    from_corners: Callable[[np.ndarray], np.ndarray]


def _join(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    return np.concatenate([near, far], axis=1)


CORNERS = Convention("corners (x1, y1, x2, y2)", lambda boxes: boxes, lambda boxes: boxes)
CORNER_AND_SIZE = Convention(
    "corner and size (x, y, width, height)", lambda boxes: _join(boxes[:, :2], boxes[:, :2] + boxes[:, 2:]),
    lambda boxes: _join(boxes[:, :2], boxes[:, 2:] - boxes[:, :2]))
CENTRE_AND_SIZE = Convention(
    "centre and size (xc, yc, width, height)",
    lambda boxes: _join(boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2),
    lambda boxes: _join((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]))
CORNERS_BY_ROW = Convention("corners, vertical first (y1, x1, y2, x2)", lambda boxes: boxes[:, [1, 0, 3, 2]],
                            lambda boxes: boxes[:, [1, 0, 3, 2]])
FAR_CORNER_FIRST = Convention("corners, the far one first (x2, y2, x1, y1)", lambda boxes: boxes[:, [2, 3, 0, 1]],
                              lambda boxes: boxes[:, [2, 3, 0, 1]])
CONVENTIONS = (CORNERS, CORNER_AND_SIZE, CENTRE_AND_SIZE, CORNERS_BY_ROW, FAR_CORNER_FIRST)


def require_convention(boxes: np.ndarray, sizes: np.ndarray, images: np.ndarray, declared: Convention,
                       source: str) -> None:
    """Raise ValueError, naming `source`, how many boxes do not fit and the likely convention, where `boxes` were
    written in another way than they were read.

    boxes: [T, 4] x1, y1, x2, y2, not clipped, from numbers read as `declared`. sizes: [T, 2] height and width of their
    pictures. images: [T] the picture of each.
    """
    usable = np.isfinite(boxes).all(axis=1)
    boxes, sizes, images = boxes[usable].astype(float), sizes[usable, ::-1].astype(float), images[usable]
    if not len(boxes):
        return
    for text in _suspicions(boxes, sizes, images, declared):
        raise ValueError(f"{source}: {text}. {REMEDY}")


def _suspicions(corners: np.ndarray, sides: np.ndarray, images: np.ndarray, declared: Convention) -> Iterator[str]:
    """What is likely, most telling first. sides: [T, 2] width and height."""
    numbers, fit = declared.from_corners(corners), _fits(corners, sides)
    telling = (sides >= TINY).all(axis=1)
    units = (np.abs(numbers) <= 1).all(axis=1) & telling
    if units.sum() >= max(LEAST, UNIT_SHARE * len(numbers)):
        yield (f"all numbers of {units.sum():,} of {len(numbers):,} boxes are in 0..1, but boxes are in pixels: "
               "they look like shares of the picture's width and height")
    misfits = int((~fit).sum())
    if misfits >= max(LEAST, SHARE * len(numbers)):
        count = f"{misfits / len(fit):.0%} of {len(fit):,} boxes leave their pictures or have no area"
        others = [(_fits(corners, sides[:, ::-1]),
                   "where width and height of the pictures are exchanged, or x and y of the boxes"),
                  *((_fits(other.to_corners(numbers), sides), f"as {other.name}")
                    for other in CONVENTIONS if other is not declared)]
        better, reading = max(others, key=lambda other: other[0].sum())
        if _explains(better, misfits):
            yield f"{count} when read as {declared.name}, but {better.mean():.0%} fit {reading}"
        slack = _slack(sides)
        before = (corners[:, :2] < -slack).any(axis=1).mean()
        beyond = (corners[:, 2:] > sides + slack).any(axis=1)
        if beyond.mean() >= max(LARGE_SHARE, 10 * before) and (corners[:, 2:] > corners[:, :2]).all():
            factor = np.quantile((corners[:, 2:] / sides).max(axis=1), 0.95)
            yield (f"{beyond.mean():.0%} of {len(fit):,} boxes leave their pictures, nearly all at the right or below: "
                   f"they look like boxes of pictures {factor:.1f} times as large")
    reach = (corners[telling, 2:] / sides[telling]).max(axis=0, initial=0)
    start = (corners[telling, :2] / sides[telling]).min(axis=0, initial=1)
    many = telling.sum() >= SMALL_LEAST and len(np.unique(images[telling])) >= SMALL_PICTURES
    if many and (reach <= SMALL_SHARE).all() and (start <= (1 - SMALL_SHARE) / 4).all():
        yield (f"no box reaches beyond {reach[0]:.0%} of the width and {reach[1]:.0%} of the height of its picture: "
               f"they look like boxes of pictures {1 / reach.max():.1f} times smaller")


def _explains(fits: np.ndarray, misfits: int) -> bool:
    """Whether another way of reading, by which boxes `fits` [T], is much better than one that leaves `misfits`."""
    return bool(fits.mean() >= MOST and (~fits).sum() <= misfits / 3)


def _slack(sides: np.ndarray) -> np.ndarray:
    return np.maximum(1, SLACK * sides)


def _fits(corners: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """[T] which boxes have an area and lie in their pictures."""
    slack = _slack(sides)
    inside = (corners[:, :2] >= -slack) & (corners[:, 2:] <= sides + slack)
    return (inside & (corners[:, 2:] > corners[:, :2])).all(axis=1)
