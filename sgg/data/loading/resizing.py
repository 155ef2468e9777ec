"""Resize the square of an image while it is made, so that a loading process neither holds nor passes large squares.

The arithmetic is that of the detector: bilinear interpolation of two by two pixels in float32, as
`torch.nn.functional.interpolate` computes it without antialiasing, but for the order of sums. Levels are then rounded
to eight bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

STRIP = 128
"""Rows of the result that are computed together. More take more memory, fewer take more time."""


def resized_side(side: int, largest: int) -> int:
    """The side of a square of `side` pixels after a detector has resized it to `largest`, as torchvision rounds it: it
    may be a pixel smaller than `largest`."""
    return int(side * (largest / side))


class _Taps(NamedTuple):
    """The pixels on a line of an image from which each pixel of a shorter line is interpolated.

    first, second: [f] int64 positions on the line. fraction: [f, 1] float32 the weight of the second one.
    """

    first: np.ndarray
    second: np.ndarray
    fraction: np.ndarray

    @classmethod
    def of(cls, side: int, resized: int) -> _Taps:
        """For a line of `side` pixels that becomes one of `resized`; the centres of the outer pixels do not align."""
        half = np.float32(0.5)
        places = np.float32(side) / np.float32(resized) * (np.arange(resized, dtype=np.float32) + half) - half
        places = np.maximum(places, 0)
        first = places.astype(np.int64)
        return cls(first, np.minimum(first + 1, side - 1), (places - first.astype(np.float32))[:, None])


def resized_square(pixels: np.ndarray, resized: int, padding: Sequence[int]) -> np.ndarray:
    """An image [h, w, 3] uint8, padded at the right and bottom to a square and resized: [3, resized, resized] uint8.

    padding: the level of each channel. The square itself is never made; beyond the result, memory is taken for `STRIP`
    rows of one channel.
    """
    taps = _Taps.of(max(pixels.shape[:2]), resized)
    square = np.empty((3, resized, resized), dtype=np.uint8)
    for channel, level in enumerate(padding):
        for start in range(0, resized, STRIP):
            rows = slice(start, start + STRIP)
            strip = _across(_down(pixels[..., channel], taps, rows, level), taps, level)
            square[channel, rows] = np.rint(strip, out=strip)
    return square


def _down(plane: np.ndarray, taps: _Taps, rows: slice, level: int) -> np.ndarray:
    """[n, w] float32: `rows` of the result, interpolated between the rows of a channel [h, w]; `level` lies below."""
    first, second = (_rows(plane, positions[rows], level) for positions in (taps.first, taps.second))
    first *= 1 - taps.fraction[rows]
    second *= taps.fraction[rows]
    first += second
    return first


def _rows(plane: np.ndarray, positions: np.ndarray, level: int) -> np.ndarray:
    height = len(plane)
    rows = plane[np.minimum(positions, height - 1)].astype(np.float32)
    rows[positions >= height] = level
    return rows


def _across(rows: np.ndarray, taps: _Taps, level: int) -> np.ndarray:
    """[n, f]: rows [n, w], each interpolated along itself; `level` lies beyond them."""
    first, second = (_columns(rows, positions, level) for positions in (taps.first, taps.second))
    first *= 1 - taps.fraction[:, 0]
    second *= taps.fraction[:, 0]
    first += second
    return first


def _columns(rows: np.ndarray, positions: np.ndarray, level: int) -> np.ndarray:
    taken = np.empty((len(rows), len(positions)), dtype=np.float32)
    inside = int(np.searchsorted(positions, rows.shape[1]))  # positions ascend
    taken[:, :inside] = rows.take(positions[:inside], axis=1, mode="clip")  # this mode saves a third of the time
    taken[:, inside:] = level
    return taken
