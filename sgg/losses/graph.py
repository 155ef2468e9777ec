"""Classification losses of the nodes and edges of a scene graph (docs/SYSTEM.md section 3; Knyazev et al., BMVC 2020).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sgg.losses.cross_entropy import CrossEntropy, Density
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeContext
from sgg.structures import Array


def node_loss(logits: Array, labels: Array) -> Tensor:
    """Mean cross-entropy over objects; 0 without objects. logits: [N, C]. labels: [N] classes. Returns a scalar.

    Raises ValueError for labels that are not integers (of any type).
    """
    logits, labels = torch.as_tensor(logits), _classes(labels)
    return cross_entropy(logits, labels) if len(labels) else logits.sum()


def edge_loss(
    logits: Array,
    labels: Array,
    kind: str = "dnorm",
    foreground_weight: float = 1.0,
    background_weight: float = 1.0,
    scale: float = 1.0,
) -> Tensor:
    """Cross-entropy over edges, normalised by the density of the graph. Returns a scalar; 0 without edges.

    logits: [M, R]. labels: [M], 0 for background. kind: baseline, dnorm or dnorm-fgbg; its file in `sgg/losses/edges/`
    has the formula. foreground_weight, background_weight, scale: alpha, beta and gamma of the formula.

    Raises ValueError for an unknown kind, for a weight other than 1 with `baseline`, and for labels that are not
    integers.
    """
    logits, labels = torch.as_tensor(logits), _classes(labels)
    kinds = {name: entry for name, entry in EDGE_LOSSES.entries.items() if issubclass(entry, CrossEntropy)}
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    loss = kinds[kind](foreground_weight=foreground_weight, background_weight=background_weight, scale=scale)
    return loss.of(logits, labels, Density.of(labels, EdgeContext(labels, labels)))


def _classes(labels: Array) -> Tensor:
    """Labels as int64, which torch's losses need."""
    labels = torch.as_tensor(labels)
    if len(labels) and (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    return labels.long()
