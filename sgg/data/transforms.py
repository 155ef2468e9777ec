"""From a picture file to the square tensor that a detector takes (docs/SYSTEM.md section 1), which resizes it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

PADDING = (124, 116, 103)
"""Red, green and blue of what makes a picture square, in eight bits as in the reference system: ImageNet's mean colour
but for the rounding, so it normalises to (.0056, -.0049, -.0092) and not to zero. Published weights have learnt it."""
_JPEG = b"\xff\xd8"  # how such files begin


def read_picture(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """[h, w, 3] uint8 RGB. size: the height and width that the annotation gives.

    Raises FileNotFoundError, or ValueError naming a file that cannot be decoded or has another size.
    """
    try:
        picture = _decode(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"picture {path} is missing") from None
    except (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError) as error:  # of bad pictures
        reason = str(error).partition("\n")[0]
        raise ValueError(f"picture {path} cannot be read, or is cut off: {reason}") from None
    if size and picture.shape[:2] != tuple(size):
        raise ValueError(f"picture {path} is {picture.shape[1]}x{picture.shape[0]} pixels, but its annotation was made "
                         f"for {size[1]}x{size[0]}")
    return picture


def _decode(content: bytes) -> np.ndarray:
    """[h, w, 3] uint8 RGB. torchvision decodes JPEG faster than PIL, to the same pixels; PIL reads the rest."""
    if content.startswith(_JPEG):
        pixels = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        return decode_jpeg(pixels, ImageReadMode.RGB).permute(1, 2, 0).numpy()
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("RGB"))


def to_square(picture: np.ndarray, flipped: bool = False) -> Tensor:
    """[3, s, s] float32 in [0, 1] of a picture [h, w, 3] uint8: the picture, mirrored left to right where `flipped`, in
    the upper left corner of a square of its longer side; the rest is PADDING.
    """
    height, width, _ = picture.shape
    pixels = picture[:, ::-1] if flipped else picture
    square = np.empty((3, max(height, width), max(height, width)), dtype=np.float32)
    for channel, level in enumerate(PADDING):  # one by one: numpy is slower on all three at a time
        np.divide(pixels[..., channel], np.float32(255), out=square[channel, :height, :width])
        square[channel, height:] = square[channel, :, width:] = np.float32(level) / np.float32(255)
    return torch.from_numpy(square)


def padding_facts(sizes: np.ndarray) -> dict[str, Any]:
    """What padding adds to the identity of whatever is made from pictures of `sizes` [I, 2]: nothing where all of them
    are square, since then its colour changes nothing.
    """
    return {"padding": list(PADDING)} if (sizes[:, 0] != sizes[:, 1]).any() else {}
