"""The contrastive loss between the class logits of changed objects and of their originals (Li et al., ICCV 2023)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def contrastive_loss(mixed: Tensor, original: Tensor) -> Tensor:
    """For the logits [n, C] of n changed objects in both versions: how hard it is to find an object's other version
    among all changed objects of both versions, by the cosine, from the mixed ones and from the originals. Both means
    are added; 0 where n is 0."""
    count = len(mixed)
    if not count:
        return (mixed.sum() + original.sum()) * 0
    both = normalize(torch.cat([mixed, original]))
    likeness = (both @ both.T).fill_diagonal_(-torch.inf)
    others = torch.arange(2 * count, device=mixed.device).roll(count)
    return 2 * cross_entropy(likeness, others)
