"""Tensors of the training data that a loss reads at every step."""

from __future__ import annotations

import torch
from torch import Tensor


class Constant:
    """A tensor that is copied to each device and type once."""

    def __init__(self, values: Tensor) -> None:
        self._values = values
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def on(self, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor on a device. dtype: by default its own."""
        place = (device, dtype or self._values.dtype)
        if place not in self._copies:
            self._copies[place] = self._values.to(*place)
        return self._copies[place]

    def like(self, other: Tensor) -> Tensor:
        """The tensor on the device of `other`, with its type."""
        return self.on(other.device, other.dtype)
