"""Tensors of the training data that a loss reads at every step."""

from __future__ import annotations

import torch
from torch import Tensor


class Constant:
    """A tensor that is copied to each device and type once."""

    def __init__(self, values: Tensor) -> None:
        self._values = values
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def like(self, other: Tensor) -> Tensor:
        """The tensor on the device of `other`, with its type."""
        place = (other.device, other.dtype)
        if place not in self._copies:
            self._copies[place] = self._values.to(other)
        return self._copies[place]
