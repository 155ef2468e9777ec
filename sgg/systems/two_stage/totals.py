"""Totals of a whole batch, of which a sample may be a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sgg.common import distributed as parallel


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers of objects, pairs, annotated pairs and images in all samples of a step, on all processes that train
    together.

    Losses are divided by these numbers. Their gradients, added over samples and averaged over processes, are then the
    gradient of the whole batch.
    """

    objects: int
    pairs: int
    foreground: float
    images: int

    @classmethod
    def of(cls, labels: Sequence[Tensor], predicates: Sequence[Tensor], images: Sequence[int]) -> Totals:
        """The totals of samples: labels [N], predicates [P] or soft predicates [P, R], and number of images of each.

        The arguments describe the samples of this process. A soft predicate counts as a fraction 1 - background of a
        pair.
        """
        foreground = torch.stack([((one > 0) if one.dim() == 1 else 1 - one[:, 0]).sum().double()
                                  for one in predicates]).sum()
        here = foreground.new_tensor([sum(map(len, labels)), sum(map(len, predicates)), 0, sum(images)])
        here[2] = foreground
        of_objects, of_pairs, annotated, of_images = parallel.total(here).tolist()
        return cls(int(of_objects), int(of_pairs), annotated, int(of_images))

    @property
    def background(self) -> float:
        """Number of pairs without a relation."""
        return self.pairs - self.foreground


def mean_scale(count: int, total: int) -> float:
    """The factor W * n_r / sum_r n_r by which process r multiplies its mean over n_r items.

    count: n_r, the items of this sample. total: the items of all samples of all W processes. Averaging gradients over
    processes multiplies their sum by 1 / W, so the result is the gradient of the mean over all items.
    """
    return count * parallel.num_workers() / max(total, 1)
