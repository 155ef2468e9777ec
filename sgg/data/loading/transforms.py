"""Turn an image into the square tensor that detectors take (docs/SYSTEM.md section 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgg.data.loading.resizing import resized_side, resized_square

PADDING = (124, 116, 103)
"""Red, green and blue of the padding, in eight bits as in the reference system. It is ImageNet's mean colour, rounded,
so it normalises to (.0056, -.0049, -.0092), not to zero. Published weights were trained with it."""


def to_square(image: np.ndarray, flipped: bool = False, largest: int | None = None) -> Tensor:
    """Pad an image [h, w, 3] uint8 to a square [3, s, s] uint8. The image lies in the upper left corner, mirrored left
    to right if `flipped`. The rest is PADDING.

    s is the longer side of the image. Where that is more than `largest`, the square is resized, as a detector of images
    of `largest` pixels resizes it, and s is `resized_side`. Levels are then rounded, by at most half of 1/255.
    """
    height, width, _ = image.shape
    pixels = image[:, ::-1] if flipped else image
    side = max(height, width)
    if largest is not None and side > largest:
        return torch.from_numpy(resized_square(pixels, resized_side(side, largest), PADDING))
    square = np.empty((3, side, side), dtype=np.uint8)
    for channel, level in enumerate(PADDING):  # numpy is slower on all three channels at once
        square[channel, :height, :width] = pixels[..., channel]
        square[channel, height:] = square[channel, :, width:] = level
    return torch.from_numpy(square)


def padding_identity(sizes: np.ndarray) -> dict[str, Any]:
    """The contribution of padding to the identity of files that are derived from images. sizes: [I, 2] of the images.

    It is empty if all images are square, since the colour of the padding then has no effect.
    """
    return {"padding": list(PADDING)} if (sizes[:, 0] != sizes[:, 1]).any() else {}


def pixels_identity(sizes: np.ndarray, largest: int) -> dict[str, Any]:
    """The contribution of padding and of resizing, as `to_square` does it, to the same identity. The latter has none if
    no image is larger than `largest`."""
    return padding_identity(sizes) | ({"resized": "to 8 bits"} if (sizes > largest).any() else {})
