"""From a picture file to the square tensor that a detector takes (SPEC section 1; the detector resizes it)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)


def read_picture(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """[h, w, 3] uint8 RGB. size: the height and width that the annotation gives.

    Raises FileNotFoundError, or ValueError naming a file that cannot be decoded or has another size.
    """
    try:
        with Image.open(path) as image:
            picture = np.array(image.convert("RGB"))
    except FileNotFoundError:
        raise FileNotFoundError(f"picture {path} is missing") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what PIL raises on bad files
        raise ValueError(f"picture {path} cannot be read, or is cut off: {error}") from None
    if size and picture.shape[:2] != tuple(size):
        raise ValueError(f"picture {path} is {picture.shape[1]}x{picture.shape[0]} pixels, but its annotation was made "
                         f"for {size[1]}x{size[0]}")
    return picture


def to_square(picture: np.ndarray, flipped: bool = False) -> Tensor:
    """[3, s, s] float32 in [0, 1] of a picture [h, w, 3] uint8: the picture, mirrored left to right where `flipped`, in
    the upper left corner of a square of its longer side; the rest is ImageNet's mean colour, which normalises to zero.
    """
    height, width, _ = picture.shape
    square = torch.empty(3, max(height, width), max(height, width))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)
    torch.div(pixels.flip(2) if flipped else pixels, 255, out=square[:, :height, :width])
    for channel, mean in zip(square, IMAGENET_MEAN, strict=True):
        channel[height:].fill_(mean)
        channel[:, width:].fill_(mean)
    return square
