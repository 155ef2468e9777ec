"""From a picture to the square tensor that a detector takes (docs/SYSTEM.md section 1), which resizes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

PADDING = (124, 116, 103)
"""Red, green and blue of what makes a picture square, in eight bits as in the reference system: ImageNet's mean colour
but for the rounding, so it normalises to (.0056, -.0049, -.0092) and not to zero. Published weights have learnt it."""


def to_square(picture: np.ndarray, flipped: bool = False) -> Tensor:
    """[3, s, s] float32 in [0, 1] of a picture [h, w, 3] uint8: the picture, mirrored left to right where `flipped`, in
    the upper left corner of a square of its longer side; the rest is PADDING.
    """
    height, width, _ = picture.shape
    pixels = picture[:, ::-1] if flipped else picture
    square = np.empty((3, max(height, width), max(height, width)), dtype=np.float32)
    for channel, level in enumerate(PADDING):  # one by one: numpy is slower on all three at a time
        plane = square[channel, :height, :width]
        plane[...] = pixels[..., channel]  # and divided in place, which is quicker than on the way
        plane /= np.float32(255)
        square[channel, height:] = square[channel, :, width:] = np.float32(level) / np.float32(255)
    return torch.from_numpy(square)


def padding_identity(sizes: np.ndarray) -> dict[str, Any]:
    """What padding adds to the identity of whatever is made from pictures of `sizes` [I, 2]: nothing where all of them
    are square, since then its colour changes nothing.
    """
    return {"padding": list(PADDING)} if (sizes[:, 0] != sizes[:, 1]).any() else {}
