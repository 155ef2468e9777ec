"""Helpers with which the same code computes in numpy and in torch.

The two have functions of the same names and meanings for nearly everything, and `namespace` chooses the library. The
other functions here cover the differences.
"""

from __future__ import annotations

from types import ModuleType
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

A = TypeVar("A", np.ndarray, Tensor)
"""Numpy or torch. All arrays of one computation have the same type."""


def namespace(array: A) -> ModuleType:
    """The library of an array: numpy or torch."""
    return torch if isinstance(array, Tensor) else np


def numbers(array: A) -> A:
    """0, 1, 2, ..., one number for each row of `array`, on its device."""
    return torch.arange(len(array), device=array.device) if isinstance(array, Tensor) else np.arange(len(array))


def repeated(array: A, times: A) -> A:
    """[sum of times] each element of `array` [N] repeated `times` [N] times."""
    return torch.repeat_interleave(array, times) if isinstance(array, Tensor) else array.repeat(times)
