"""The little that lets one piece of code compute in numpy and in torch.

Both have functions of the same names and meanings for nearly everything; `namespace` says which, the rest is here.
"""

from __future__ import annotations

from types import ModuleType
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

A = TypeVar("A", np.ndarray, Tensor)
"""Numpy or torch: all arrays of one computation are of one of them."""


def namespace(array: A) -> ModuleType:
    """numpy or torch: what computes with such arrays."""
    return torch if isinstance(array, Tensor) else np


def numbers(array: A) -> A:
    """0, 1, 2, ..., one for each row of `array`, on its device."""
    return torch.arange(len(array), device=array.device) if isinstance(array, Tensor) else np.arange(len(array))


def repeated(array: A, times: A) -> A:
    """Each element of `array` [N] as often as `times` [N] says."""
    return torch.repeat_interleave(array, times) if isinstance(array, Tensor) else array.repeat(times)
