"""Arithmetic on boxes in numpy: x1, y1, x2, y2 in pixels, no +1."""

from __future__ import annotations

import numpy as np


def corners_from_centres(boxes: np.ndarray) -> np.ndarray:
    """Convert boxes [T, 4] from xc, yc, w, h to x1, y1, x2, y2.

    Integer boxes stay integers: the near corner is rounded towards zero, and the far corner keeps the full width, as
    the files are used elsewhere (golden vg_tiny).
    """
    twice = 2 * boxes[:, :2] - boxes[:, 2:]
    near = (twice + (twice < 0)) >> 1 if np.issubdtype(boxes.dtype, np.integer) else twice / 2
    return np.concatenate([near, near + boxes[:, 2:]], axis=1)


def outside(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[T] whether each of `boxes` [T, 4] shares no area with its image. sizes: [T, 2] heights and widths of images."""
    beyond = boxes[:, :2] >= sizes[:, ::-1]
    before = boxes[:, 2:] <= 0
    return np.any(beyond | before, axis=1)


def thin(boxes: np.ndarray) -> np.ndarray:
    """[T] whether each of `boxes` [T, 4] is narrower or lower than a pixel, so that a detector cannot learn it."""
    return ((boxes[:, 2:] - boxes[:, :2]) < 1).any(axis=1)


def leaves(boxes: np.ndarray, sizes: np.ndarray, slack: float = 0.0) -> np.ndarray:
    """[T] whether each of `boxes` [T, 4] leaves its image by more than `slack` pixels. sizes: [T, 2] heights and widths
    of images."""
    return np.any((boxes[:, :2] < -slack) | (boxes[:, 2:] > sizes[:, ::-1] + slack), axis=1)


def clip(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`boxes` [T, 4] clipped to their images. sizes: [T, 2] heights and widths of images.

    A box outside its image becomes a strip of one pixel at the border, so that no box loses all its area.
    """
    limits = sizes[:, ::-1].astype(boxes.dtype)
    beyond, before = boxes[:, :2] >= limits, boxes[:, 2:] <= 0
    near = np.where(beyond, limits - 1, np.clip(boxes[:, :2], 0, limits))
    far = np.where(before, 1, np.clip(boxes[:, 2:], 0, limits))
    return np.concatenate([near, far], axis=1)


def flip(boxes: np.ndarray, width: float) -> np.ndarray:
    """`boxes` [N, 4] in the mirrored image. width: of the image in pixels."""
    mirrored = boxes.copy()
    mirrored[:, 0], mirrored[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return mirrored


def overlap(boxes1: np.ndarray, boxes2: np.ndarray) -> np.ndarray:
    """[...] whether each pair of boxes [..., 4] shares a positive area."""
    near = np.maximum(boxes1[..., :2], boxes2[..., :2])
    far = np.minimum(boxes1[..., 2:], boxes2[..., 2:])
    return (far > near).all(axis=-1)
