"""Classification losses of a scene graph's nodes and edges (docs/SYSTEM.md section 3; Knyazev et al., BMVC 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sgg.structures import Array

EDGE_LOSSES = ("baseline", "dnorm", "dnorm-fgbg")


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

    logits: [M, R]; labels: [M], 0 for background. With ce_e the cross-entropy of edge e, M_FG and M_BG the numbers of
    foreground and background edges, and the weights alpha, beta and scale:

    - baseline: scale * sum ce / M;
    - dnorm: scale * (alpha * sum_FG ce + beta * sum_BG ce) / M_FG, and where M_FG is 0 the plain scale * sum ce,
      as in the published code;
    - dnorm-fgbg: scale * (alpha * sum_FG ce / M_FG + beta * sum_BG ce / M_BG).

    foreground, background: [..] rows to count as such instead of those that `labels` tells; a row in neither keeps
    weight 1. totals: M_FG and M_BG to divide by instead, of the batch that these edges are a part of (M is then their
    sum). Without edges the loss is 0.

    Raises ValueError for an unknown kind, for a weight other than 1 with `baseline`, and for labels that are not whole
    numbers.
    """
    logits, labels = torch.as_tensor(logits), _classes(labels)
    if kind not in EDGE_LOSSES:
        raise ValueError(f"kind must be one of {', '.join(EDGE_LOSSES)}, got {kind!r}")
    if kind == "baseline":
        if (foreground_weight, background_weight) != (1, 1):
            raise ValueError("kind baseline takes foreground_weight 1 and background_weight 1, "
                             f"got {foreground_weight:g} and {background_weight:g}")
        edges = len(labels) if totals is None else sum(totals)
        return scale * cross_entropy(logits, labels, reduction="sum") / max(edges, 1)
    losses = cross_entropy(logits, labels, reduction="none")
    foreground = (labels > 0).nonzero()[:, 0] if foreground is None else torch.as_tensor(foreground)
    background = (labels == 0).nonzero()[:, 0] if background is None else torch.as_tensor(background)
    num_foreground, num_background = (len(foreground), len(background)) if totals is None else totals
    weights = torch.ones_like(losses)
    if kind == "dnorm" and num_foreground:
        weights[foreground] = foreground_weight / num_foreground
        weights[background] = background_weight / num_foreground
    elif kind == "dnorm-fgbg":
        weights[foreground] = foreground_weight / max(num_foreground, 1)
        weights[background] = background_weight / max(num_background, 1)
    return scale * (weights * losses).sum()


def _classes(labels: Array) -> Tensor:
    """Labels as the int64 that torch's losses take."""
    labels = torch.as_tensor(labels)
    if len(labels) and (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool):
        raise ValueError(f"labels must be whole numbers, got {labels.dtype}")
    return labels.long()
