"""Steps in float64, and the gradients that optimisers get: by these, runs of one and of two processes are compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from sgg.structures import Batch


@contextmanager
def float64_by_default() -> Iterator[None]:
    """Within the block, torch makes float64 numbers."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def in_float64(batch: Batch) -> Batch:
    """The batch in float64."""
    outputs = batch.outputs and batch.outputs._replace(map=batch.outputs.map.double())
    return replace(batch, boxes=batch.boxes.double(), outputs=outputs)


def note_gradient(gradients: dict[str, torch.Tensor], name: str, optimizer: torch.optim.Optimizer, *_: Any) -> None:
    """Keep the gradient that an optimiser gets in its first step."""
    gradients.setdefault(name, torch.cat([weight.grad.flatten().cpu() for group in optimizer.param_groups
                                          for weight in group["params"] if weight.grad is not None]))
