"""Totals of a whole batch, of which a sample may be a part."""

from __future__ import annotations

from dataclasses import dataclass

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
    def of(cls, objects: float, pairs: float, foreground: float, images: float) -> Totals:
        """The totals from sums over samples and processes."""
        return cls(int(objects), int(pairs), foreground, int(images))

    @property
    def background(self) -> float:
        """Number of pairs without a relation."""
        return self.pairs - self.foreground


def count_foreground(predicates: Tensor) -> float:
    """The number of pairs with a relation among predicates [P], or soft predicates [P, R]: a soft one counts as a
    fraction 1 - background of a pair."""
    return float(((predicates > 0) if predicates.dim() == 1 else 1 - predicates[:, 0]).sum().double())


def mean_scale(count: int, total: int) -> float:
    """The factor W * n_r / sum_r n_r by which process r multiplies its mean over n_r items.

    count: n_r, the items of this sample. total: the items of all samples of all W processes. Averaging gradients over
    processes multiplies their sum by 1 / W, so the result is the gradient of the mean over all items.
    """
    return count * parallel.num_workers() / max(total, 1)
