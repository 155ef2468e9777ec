"""Rectangles that must not overlap: moving them apart, and finding a free place. A rectangle is x1, y1, x2, y2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Rectangle = tuple[float, float, float, float]


def overlap(rectangles: np.ndarray) -> np.ndarray:
    """[N, N] whether each two of the rectangles [N, 4] have an area in common; False on the diagonal."""
    low, high = rectangles[:, None, :2], rectangles[:, None, 2:]
    common = np.minimum(high, high.transpose(1, 0, 2)) - np.maximum(low, low.transpose(1, 0, 2))
    found = (common > 1e-6).all(2)
    np.fill_diagonal(found, False)
    return found


def around(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[N, 4] the rectangles with these centres [N, 2] and widths and heights [N, 2]."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def moved_apart(centres: np.ndarray, sizes: np.ndarray, area: tuple[float, float],
                steps: int = 400) -> np.ndarray | None:
    """The centres [N, 2] of rectangles of these sizes [N, 2], moved until none overlaps another, within `area` (width,
    height from 0). None where `steps` do not suffice.

    Each two that overlap move apart along the axis on which they have the least in common, by half of that each.
    """
    centres = centres.astype(np.float64)
    halves, bound = sizes / 2, np.array(area, np.float64)
    for _ in range(steps):
        centres = centres.clip(halves, bound - halves)
        apart = centres[:, None] - centres[None]
        common = halves[:, None] + halves[None] - np.abs(apart)
        both = (common > 1e-6).all(2)
        np.fill_diagonal(both, False)
        if not both.any():
            return centres
        first = np.arange(len(centres))
        ways = np.where(apart == 0, np.sign(first[:, None] - first)[..., None], np.sign(apart))
        along = np.arange(2) == common.argmin(2)[..., None]
        # A little more than needed, so that rounding does not leave a rest.
        centres = centres + (np.where(both[..., None] & along, common * 0.5 + 0.05, 0) * ways).sum(1)
    return None


def free_place(size: tuple[float, float], wanted: Iterable[tuple[float, float]], taken: Sequence[Rectangle],
               area: Rectangle, step: float = 8) -> Rectangle | None:
    """A rectangle of a size (width, height) within `area` that overlaps none that is `taken`.

    wanted: upper left corners, the best first. If none of them is free, it is the free one of a grid of `step` that is
    next to the first; None where there is none.
    """
    width, height = size
    corners = [(min(max(x, area[0]), area[2] - width), min(max(y, area[1]), area[3] - height)) for x, y in wanted]
    others = np.array(taken, np.float64).reshape(-1, 4)
    across = np.arange(area[0], area[2] - width + 1e-6, step)
    down = np.arange(area[1], area[3] - height + 1e-6, step)
    for candidates in (np.array(corners), None):
        if candidates is None:
            candidates = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
            candidates = candidates[np.argsort(((candidates - corners[0]) ** 2).sum(1), kind="stable")]
        low, high = candidates[:, None], candidates[:, None] + [width, height]
        common = np.minimum(high, others[None, :, 2:]) - np.maximum(low, others[None, :, :2])
        free = np.flatnonzero(~(common > 1e-6).all(2).any(1) & (candidates >= area[:2]).all(1))
        if len(free):
            x, y = candidates[free[0]].tolist()
            return x, y, x + width, y + height
    return None


def rectangle(values: Sequence[float]) -> Rectangle:
    """The rectangle of four numbers."""
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


def scaled(box: np.ndarray, image: Rectangle) -> Rectangle:
    """A box [4], given as fractions of an image's width and height, where the image is this rectangle."""
    left, top, right, bottom = image
    return rectangle([left + float(box[0]) * (right - left), top + float(box[1]) * (bottom - top),
                      left + float(box[2]) * (right - left), top + float(box[3]) * (bottom - top)])


def grown(place: Rectangle, by: float) -> Rectangle:
    """A rectangle whose edges are moved outwards."""
    return place[0] - by, place[1] - by, place[2] + by, place[3] + by


def size_of(place: Rectangle) -> float:
    """The area of a rectangle."""
    return (place[2] - place[0]) * (place[3] - place[1])


def centre(place: Rectangle) -> np.ndarray:
    """[2] the middle of a rectangle."""
    return np.array([(place[0] + place[2]) / 2, (place[1] + place[3]) / 2])


def inside(point: np.ndarray, place: Rectangle) -> bool:
    """Whether a point [2] lies in a rectangle or on its edge."""
    return bool(place[0] <= point[0] <= place[2] and place[1] <= point[1] <= place[3])


def touch(one: Rectangle, other: Rectangle) -> bool:
    """Whether two rectangles have a point in common."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def nearest_point(place: Rectangle, to: Rectangle) -> tuple[float, float]:
    """The point of a rectangle that is nearest to the centre of another."""
    x, y = centre(to)
    return min(max(x, place[0]), place[2]), min(max(y, place[1]), place[3])
