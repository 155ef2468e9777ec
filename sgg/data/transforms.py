"""From a picture file to the square tensor that a detector takes (docs/SYSTEM.md section 1), which resizes it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

IMAGENET_MEAN = (0.485, 0.456, 0.406)
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
    the upper left corner of a square of its longer side; the rest is ImageNet's mean colour, which normalises to zero.
    """
    height, width, _ = picture.shape
    pixels = picture[:, ::-1] if flipped else picture
    square = np.empty((3, max(height, width), max(height, width)), dtype=np.float32)
    for channel, mean in enumerate(IMAGENET_MEAN):  # one by one: numpy is slower on all three at a time
        np.divide(pixels[..., channel], np.float32(255), out=square[channel, :height, :width])
        square[channel, height:] = mean
        square[channel, :, width:] = mean
    return torch.from_numpy(square)
