"""The pixels of images, as the detector computes with them."""

from __future__ import annotations

import torch
from torch import Tensor


def as_floats(image: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """An image [..., h, w] as floating point in [0, 1].

    image: uint8 levels of 0 to 255, or floating point in [0, 1], on any device. dtype: of the result. Levels are
    divided on the device of the image, with the same result on all devices. Raises ValueError for other types.
    """
    if image.dtype == torch.uint8:
        # The divisor is a tensor on the device: CUDA multiplies by the reciprocal of a number, which rounds otherwise.
        return image.to(dtype).div_(torch.full((), 255.0, dtype=dtype, device=image.device))
    if not image.is_floating_point():
        raise ValueError("images must be uint8 with levels of 0 to 255, or floating point in [0, 1], got "
                         f"{image.dtype}; if its levels are 0 to 255, use image.to(torch.uint8)")
    return image.to(dtype)
