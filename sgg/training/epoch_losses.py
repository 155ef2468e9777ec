"""The losses of an epoch's steps. They stay on the device until an interval of steps is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sgg.systems.contract import StepResult

LARGEST_INTERVAL = 50
"""The largest number of steps whose losses are read together. A loss that is not finite is found after so many steps
at the latest."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A step whose losses have not been read: its number, its result, and the images of its batch."""

    number: int
    result: StepResult
    images: Sequence[str]


class EpochLosses:
    """The sums of the losses of an epoch, by name.

    `read` transfers the losses and gradient norms of all steps since the last read from the device, all at once. A
    transfer waits until the device has computed everything, so a step must not cause one.

    Processes that train together must read after the same steps. Their losses are averaged and their gradients are the
    same, so all of them raise the error of the same step.

    epoch, remedy: for the error message. sums, counts: of each loss, over the steps that have been read.
    """

    def __init__(self, epoch: int, remedy: str) -> None:
        self.epoch, self.remedy = epoch, remedy
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self._unread: list[_Step] = []

    def add(self, step: int, result: StepResult, images: Sequence[str]) -> None:
        """Keep the losses of a step until they are read. images: the ids of the images of its batch."""
        self._unread.append(_Step(step, result, images))

    @property
    def is_due(self) -> bool:
        """Whether as many steps as an interval may have are unread."""
        return len(self._unread) >= LARGEST_INTERVAL

    def read(self) -> dict[str, float]:
        """Add the losses of the steps since the last read. Return those of the last step, by name.

        Raises FloatingPointError at the first step with a gradient or a loss that is not finite. The message names
        epoch, step and images.
        """
        steps, self._unread = self._unread, []
        scalars = [scalar.detach().reshape(()) for step in steps
                   for scalar in (*step.result.norms, *step.result.losses.values())]
        values = iter(torch.stack([scalar.to(scalars[0].device) for scalar in scalars]).tolist() if scalars else [])
        losses: dict[str, float] = {}
        for step in steps:
            norms = [next(values) for _ in step.result.norms]
            losses = {name: next(values) for name in step.result.losses}
            if fault := _fault(norms, losses):
                raise self.error(fault, step.number, step.images)
            for name, value in losses.items():
                self.sums[name], self.counts[name] = self.sums.get(name, 0.0) + value, self.counts.get(name, 0) + 1
        return losses

    def error(self, fault: str, step: int, images: Sequence[str]) -> FloatingPointError:
        """The error of a step that diverged."""
        return FloatingPointError(f"{fault} in epoch {self.epoch}, step {step}: {self.remedy}; or look at the images "
                                  f"of this batch: {', '.join(images)}")

    def means(self) -> dict[str, float]:
        """The mean of each loss over the steps that had it."""
        return {name: value / self.counts[name] for name, value in self.sums.items()}


def _fault(norms: Sequence[float], losses: dict[str, float]) -> str | None:
    """What is not finite in a step, if anything is. The gradient comes first: it is the cause of losses that follow."""
    for norm in norms:
        if not math.isfinite(norm):
            return f"the norm of the gradient is {norm}"
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    return f"loss {', '.join(bad)} is not finite" if bad else None
