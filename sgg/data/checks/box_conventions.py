"""Conventions of boxes in files, and the refusal of boxes that seem to follow another convention than the reader's.

A box *fits* if it has an area and lies in its image, with a tolerance of `SLACK`. A file is refused if two conditions
hold: enough of its boxes do not fit as they are read, and nearly all of them fit under another convention.

The bounds. If boxes are written as x1, y1, x2, y2 and read as x, y, width, height, a box leaves its image if its centre
is in the right or lower half: three of four boxes. If boxes are written by their centre, a box leaves its image if its
gap to the border is smaller than half of the box: one of ten, for objects of a tenth of the image. So `SHARE` is one of
twenty. A correct file can have as many boxes that leave their images, if the images were cut from larger ones. But
these boxes leave on all sides, and an object at the left border fits under no other convention. A correct box that
leaves its image fits by chance as corners, or as centre and size, once in four times (each axis: once in two). So
`LEAST` such boxes fit by chance in less than one of a thousand files, and all other boxes would have to fit by chance,
too. Published files pass with any fraction of such boxes, since many of their boxes lie at the left border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

SLACK = 0.01  # a box may leave its image by this fraction of the side, or a pixel: files round
SHARE = 1 / 20  # a file is suspected only if this fraction of the boxes does not fit
LEAST = 5  # and only if at least this many boxes do not fit
MOST = 0.9  # another convention is likely if this fraction fits it, and at most a third as many boxes do not fit
UNIT_SHARE = 1 / 2  # relative boxes are likely if this fraction lies in 0..1: in pixels, such a box is one corner pixel
TINY = 8  # pixels: images with a smaller side do not show the unit
SMALL_SHARE = 0.75  # boxes of smaller images are likely if no box reaches beyond this fraction of both sides
SMALL_LEAST = 50  # and if there are at least this many boxes
SMALL_IMAGES = 10  # in at least this many images
LARGE_SHARE = 1 / 5  # boxes of larger images are likely if this fraction leaves at the right or below, 10 x elsewhere
REMEDY = ("Convert them; or, if the file is right, clip boxes to their images with data.allow_clipping=true "
          "(--allow-clipping)")


@dataclass(frozen=True)
class Convention:
    """A convention for a box in four numbers. to_corners: converts [T, 4] numbers to x1, y1, x2, y2; from_corners:
    back.
    """

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
    """Raise ValueError if the boxes seem to follow another convention than `declared`. The message names `source`, the
    number of boxes that do not fit and the likely convention.

    boxes: [T, 4] x1, y1, x2, y2, not clipped, from numbers read as `declared`. sizes: [T, 2] heights and widths of
    their images. images: [T] the image of each box.
    """
    usable = np.isfinite(boxes).all(axis=1)
    boxes, sizes, images = boxes[usable].astype(float), sizes[usable, ::-1].astype(float), images[usable]
    if not len(boxes):
        return
    for text in _suspicions(boxes, sizes, images, declared):
        raise ValueError(f"{source}: {text}. {REMEDY}")


def _suspicions(corners: np.ndarray, sides: np.ndarray, images: np.ndarray, declared: Convention) -> Iterator[str]:
    """Sentences about likely faults, the clearest first. sides: [T, 2] widths and heights of images."""
    numbers, fit = declared.from_corners(corners), _fits(corners, sides)
    telling = (sides >= TINY).all(axis=1)
    units = (np.abs(numbers) <= 1).all(axis=1) & telling
    if units.sum() >= max(LEAST, UNIT_SHARE * len(numbers)):
        yield (f"all numbers of {units.sum():,} of {len(numbers):,} boxes are in 0..1, but boxes are in pixels: "
               "they look like fractions of the width and height of the image")
    misfits = int((~fit).sum())
    if misfits >= max(LEAST, SHARE * len(numbers)):
        count = f"{misfits / len(fit):.0%} of {len(fit):,} boxes leave their images or have no area"
        others = [(_fits(corners, sides[:, ::-1]),
                   "if width and height of the images are exchanged, or x and y of the boxes"),
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
            yield (f"{beyond.mean():.0%} of {len(fit):,} boxes leave their images, nearly all at the right or below: "
                   f"they look like boxes of images {factor:.1f} times as large")
    reach = (corners[telling, 2:] / sides[telling]).max(axis=0, initial=0)
    start = (corners[telling, :2] / sides[telling]).min(axis=0, initial=1)
    many = telling.sum() >= SMALL_LEAST and len(np.unique(images[telling])) >= SMALL_IMAGES
    if many and (reach <= SMALL_SHARE).all() and (start <= (1 - SMALL_SHARE) / 4).all():
        yield (f"no box reaches beyond {reach[0]:.0%} of the width and {reach[1]:.0%} of the height of its image: "
               f"they look like boxes of images {1 / reach.max():.1f} times smaller")


def _explains(fits: np.ndarray, misfits: int) -> bool:
    """Whether another convention is much better. fits: [T] whether boxes fit it. misfits: boxes that do not fit now."""
    return bool(fits.mean() >= MOST and (~fits).sum() <= misfits / 3)


def _slack(sides: np.ndarray) -> np.ndarray:
    return np.maximum(1, SLACK * sides)


def _fits(corners: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """[T] whether each box has an area and lies in its image."""
    slack = _slack(sides)
    inside = (corners[:, :2] >= -slack) & (corners[:, 2:] <= sides + slack)
    return (inside & (corners[:, 2:] > corners[:, :2])).all(axis=1)
