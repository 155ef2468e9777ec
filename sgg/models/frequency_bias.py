"""The frequency bias: how often each predicate joins two classes in training (docs/SYSTEM.md section 2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


def frequency_table(foreground_counts: np.ndarray, background_counts: np.ndarray, epsilon: float = 1e-3) -> Tensor:
    """[C, C, R] float32: log(P(predicate | subject class, object class) + epsilon).

    foreground_counts: [C, C, R] annotated relations. background_counts: [C, C] overlapping pairs; 1 is added to each
    (add-one smoothing).
    """
    counts = foreground_counts.astype(np.float64)
    counts[:, :, 0] = background_counts + 1
    probability = counts / counts.sum(2, keepdims=True)
    return torch.from_numpy(np.log(probability + epsilon)).float()


class FrequencyBias(nn.Module):
    """The table as a trainable embedding of pairs of classes. table: [C, C, R]."""

    def __init__(self, table: Tensor):
        super().__init__()
        self.num_classes = table.shape[0]
        self.table = nn.Embedding.from_pretrained(table.reshape(-1, table.shape[2]).clone(), freeze=False)

    def forward(self, subject_labels: Tensor, object_labels: Tensor) -> Tensor:
        """[P, R] logits of P pairs of classes; both arguments: [P]."""
        return self.table(subject_labels * self.num_classes + object_labels)

