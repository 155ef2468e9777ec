"""The sum of several losses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

from torch import Tensor


def total(losses: Iterable[Tensor]) -> Tensor:
    """The sum of one or more scalar losses, with its gradient."""
    return reduce(add, losses)
