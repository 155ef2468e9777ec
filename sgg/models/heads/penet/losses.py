"""The losses of PE-Net (Zheng et al. 2023): prototypes apart, and each pair near its own one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

NEGATIVES = 10
"""The nearest other prototypes from which a pair is kept away."""
MARGIN = 1.0
"""How much nearer than those its own prototype must be, as a squared distance."""
PROTOTYPE_MARGIN = 7.0
"""The least squared distance between two prototypes."""


def prototype_similarity(prototypes: Tensor) -> Tensor:
    """The sum of the lengths of the rows of S, divided by R^2; S holds the cosines of prototypes [R, n].

    Only the left factor of S has a gradient.
    """
    directions = F.normalize(prototypes, dim=1)
    return (directions @ directions.detach().T).norm(dim=1).sum() / len(prototypes) ** 2


def prototype_distance(prototypes: Tensor) -> Tensor:
    """The mean over prototypes [R, n] of how much closer than `PROTOTYPE_MARGIN` the nearest other one is.

    The gradient moves a prototype away from the nearest other one, which stays.
    """
    distances = squared_distances(prototypes, prototypes.detach())
    itself = torch.eye(len(prototypes), dtype=torch.bool, device=prototypes.device)
    return (PROTOTYPE_MARGIN - distances.masked_fill(itself, torch.inf).amin(dim=1)).relu().mean()


def pair_distance(pairs: Tensor, prototypes: Tensor, predicates: Tensor) -> Tensor:
    """The mean over pairs [P, n] of max(0, g - (the mean of the nearest other prototypes) + `MARGIN`); 0 without pairs.

    g: the squared distance to the prototype of the pair's predicate. prototypes: [R, n]. predicates: [P]. The mean
    takes `NEGATIVES` prototypes, background included; where there are fewer, the sum is still divided by `NEGATIVES`.
    """
    distances = squared_distances(pairs, prototypes)
    own = distances.gather(1, predicates[:, None])
    # The own one becomes 0, which is the smallest and adds nothing.
    others = distances.scatter(1, predicates[:, None], 0.0)
    nearest = others.topk(min(NEGATIVES + 1, len(prototypes)), dim=1, largest=False).values.sum(dim=1) / NEGATIVES
    return (own[:, 0] - nearest + MARGIN).relu().sum() / max(len(pairs), 1)


def squared_distances(points: Tensor, others: Tensor) -> Tensor:
    """[a, b] squared distances of points [a, n] and others [b, n]. The differences, [a, b, n], are never built."""
    products = points @ others.T
    return (points.square().sum(1)[:, None] + others.square().sum(1) - 2 * products).clamp(min=0)
