"""Full precision, where autocast computes in bfloat16."""

from __future__ import annotations

import torch
from torch import Tensor


def full(values: Tensor) -> Tensor:
    """The values in float32, where autocast made them bfloat16; float64 stays."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
