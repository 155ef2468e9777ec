"""An epoch between two of its steps, as a checkpoint holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from torch import Tensor

from sgg.common.seeding import GlobalStates


class RandomStates(TypedDict):
    """The random states of a process. python: those of python, numpy and torch. draws: those of the generators of the
    epoch, by purpose."""

    python: GlobalStates
    draws: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class PartialEpoch:
    """What the rest of an epoch needs, beside networks and optimisers, to end as if the epoch was never interrupted.

    step: the number of steps that are done. skipped: those of them that could not train. seconds: how long they took.
    sums, counts: the sum of each loss, and the number of its steps, by name. images, images_of: the number of images,
    and those that `StepResult.counts` names, of all processes. random_states: of each process, by its rank.
    """

    step: int
    skipped: int
    seconds: float
    sums: Mapping[str, float]
    counts: Mapping[str, int]
    images: int
    images_of: Mapping[str, int]
    random_states: Sequence[RandomStates]
