"""How much there is in a whole batch, of which a sample may be a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sgg.common import distributed as parallel


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers of objects, pairs, annotated pairs and images of all samples of a step, on all processes that train
    together. Losses are divided by these, so that their gradients, added over samples and averaged over processes, are
    the batch's.
    """

    objects: int
    pairs: int
    foreground: float
    images: int

    @classmethod
    def of(cls, labels: Sequence[Tensor], predicates: Sequence[Tensor], images: Sequence[int]) -> Totals:
        """From the labels [N], the predicates [P] or soft ones [P, R] and the number of images of each sample of this
        process. A soft predicate counts by what is not background."""
        foreground = torch.stack([((one > 0) if one.dim() == 1 else 1 - one[:, 0]).sum().double()
                                  for one in predicates]).sum()
        here = foreground.new_tensor([sum(map(len, labels)), sum(map(len, predicates)), 0, sum(images)])
        here[2] = foreground
        objects, pairs, related, pictures = parallel.total(here).tolist()
        return cls(int(objects), int(pairs), related, int(pictures))

    @property
    def background(self) -> float:
        """Pairs without a relation."""
        return self.pairs - self.foreground


def share(count: int, total: int) -> float:
    """What to multiply a mean over `count` of `total` items by, for the average over processes of the sum over samples
    to be the mean over all items."""
    return count * parallel.num_workers() / max(total, 1)
