"""What each object learns from the others of its image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .sequence import SequenceOrder


class SequenceContext(nn.Module):
    """A bidirectional LSTM over the objects of each image, its two directions joined by a linear layer.

    input_dim: of the objects' vectors. hidden_dim: of a direction and of the output. dropout: between layers.
    """

    def __init__(self, input_dim: int, hidden_dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_dim, hidden_dim, layers, dropout=dropout if layers > 1 else 0.0, bidirectional=True)
        self.project = nn.Linear(2 * hidden_dim, hidden_dim)

    def forward(self, objects: Tensor, order: SequenceOrder) -> Tensor:
        """[N, input_dim] -> [N, hidden_dim]."""
        if not len(objects):  # the LSTM refuses a sequence without a step
            return self.project(objects.new_zeros(0, self.project.in_features))
        with _without_onednn():
            states, _ = self.lstm(order.pack(objects))
        return order.unpack(self.project(states.data))


@contextmanager
def _without_onednn() -> Iterator[None]:
    """Within, torch's own LSTM runs. On a CPU torch would hand sequences of equal lengths to oneDNN, which takes three
    times as long for the few rows that a batch has."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # a property of the module
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before
