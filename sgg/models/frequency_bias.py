"""How often each predicate joins two classes in training (docs/SYSTEM.md section 2, "Frequency bias")."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


def frequency_table(foreground_counts: np.ndarray, background_counts: np.ndarray, epsilon: float = 1e-3) -> Tensor:
    """log(P(predicate | subject class, object class) + epsilon).

    foreground_counts: [C, C, R] annotated relations; background_counts: [C, C] overlapping pairs, counted once more
    than they occur. Returns [C, C, R] float32.
    """
    counts = foreground_counts.astype(np.float64)
    counts[:, :, 0] = background_counts + 1
    share = counts / counts.sum(2, keepdims=True)
    return torch.from_numpy(np.log(share + epsilon)).float()


class FrequencyBias(nn.Module):
    """The table as a trainable embedding of class pairs. table: [C, C, R]."""

    def __init__(self, table: Tensor):
        super().__init__()
        self.num_classes = table.shape[0]
        self.table = nn.Embedding.from_pretrained(table.reshape(-1, table.shape[2]).clone(), freeze=False)

    def forward(self, subject_labels: Tensor, object_labels: Tensor) -> Tensor:
        """[P, R] logits of pairs of classes, each [P]."""
        return self.table(subject_labels * self.num_classes + object_labels)

    def expected(self, subject_probabilities: Tensor, object_probabilities: Tensor) -> Tensor:
        """[P, R] logits averaged over uncertain classes, each [P, C]."""
        joint = subject_probabilities[:, :, None] * object_probabilities[:, None, :]
        return joint.flatten(1) @ self.table.weight
