"""Classification losses of a scene graph's nodes and edges (docs/SYSTEM.md section 3; Knyazev et al., BMVC 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sgg.losses.cross_entropy import CrossEntropy, Density
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeContext
from sgg.structures import Array


def node_loss(logits: Array, labels: Array) -> Tensor:
    """Mean cross-entropy over objects; 0 of none. logits: [N, C]; labels: [N] classes. Returns a scalar.

    Raises ValueError for labels that are not whole numbers (of whatever type).
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
    foreground: Array | None = None,
    background: Array | None = None,
    totals: Sequence[float] | None = None,
) -> Tensor:
    """Cross-entropy over edges, normalised by the density of the graph. Returns a scalar.

    logits: [M, R]; labels: [M], 0 for background. kind: baseline, dnorm or dnorm-fgbg; the formula is in its file
    (`sgg/losses/edges/`). The weights and scale are its alpha, beta and gamma.

    foreground, background: [..] rows to count as such instead of those that `labels` tells; a row in neither keeps
    weight 1. totals: M_FG and M_BG to divide by instead, of the batch that these edges are a part of (M is then their
    sum). Without edges the loss is 0.

    Raises ValueError for an unknown kind, for a weight other than 1 with `baseline`, and for labels that are not whole
    numbers.
    """
    logits, labels = torch.as_tensor(logits), _classes(labels)
    kinds = {name: entry for name, entry in EDGE_LOSSES.entries.items() if issubclass(entry, CrossEntropy)}
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    loss = kinds[kind](foreground_weight=foreground_weight, background_weight=background_weight, scale=scale)
    num_foreground, num_background = (None, None) if totals is None else totals
    density = Density.of(labels, EdgeContext(labels, labels, num_foreground, num_background))
    if foreground is not None or background is not None:
        annotated, others = (
            mass if given is None else mass.new_zeros(len(labels)).index_fill(0, torch.as_tensor(given), True)
            for mass, given in ((density.foreground, foreground), (density.background, background)))
        of_annotated, of_others = (float(annotated.sum()), float(others.sum())) if totals is None else totals
        density = Density(annotated, others, of_annotated, of_others)
    return loss.of(logits, labels, density)


def _classes(labels: Array) -> Tensor:
    """Labels as the int64 that torch's losses take."""
    labels = torch.as_tensor(labels)
    if len(labels) and (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool):
        raise ValueError(f"labels must be whole numbers, got {labels.dtype}")
    return labels.long()
