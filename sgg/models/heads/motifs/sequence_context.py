"""A bidirectional LSTM over the objects of each image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .sequence import SequenceOrder


class SequenceContext(nn.Module):
    """A bidirectional LSTM over the objects of each image; a linear layer joins its two directions.

    input_dim: width of the vectors of objects. hidden_dim: width of one direction, and of the output. dropout: between
    layers.
    """

    def __init__(self, input_dim: int, hidden_dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_dim, hidden_dim, layers, dropout=dropout if layers > 1 else 0.0, bidirectional=True)
        self.project = nn.Linear(2 * hidden_dim, hidden_dim)

    def forward(self, objects: Tensor, order: SequenceOrder) -> Tensor:
        """[N, input_dim] -> [N, hidden_dim]."""
        if not len(objects):  # an LSTM does not accept an empty sequence
            return self.project(objects.new_zeros(0, self.project.in_features))
        with _without_onednn():
            states, _ = self.lstm(order.pack(objects))
        return order.unpack(self.project(states.data))


@contextmanager
def _without_onednn() -> Iterator[None]:
    """Run torch's own LSTM within this context. On a CPU torch would give sequences of equal lengths to oneDNN, which
    takes three times as long for the few rows of a batch."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # a property of the module
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before
