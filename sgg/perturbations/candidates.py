"""The candidates of GraphN: the classes from which new labels are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from .arrays import A, namespace, numbers, repeated


@dataclass(frozen=True, eq=False)
class Candidates(Generic[A]):
    """New labels [T] for M objects, grouped by object; sizes [M] are the sizes of the groups.

    A class is listed once for each context in which it was seen; its weights [T] over these add up to 1 / its mean
    count.
    """

    labels: A
    weights: A
    sizes: A

    def among(self, allowed: A) -> Candidates[A]:
        """Those that are `allowed` [M, C] for their object."""
        owner = repeated(numbers(self.sizes), self.sizes)
        kept = allowed[owner, self.labels]
        sizes = namespace(owner).bincount(owner[kept], minlength=len(self.sizes))
        return Candidates(self.labels[kept], self.weights[kept], sizes)
