"""A training step of the papers' size whose tensors have shapes and no values: any size is counted in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from sgg.common.live_memory import WithoutUpdates, faked
from sgg.systems.contract import Draws
from sgg.systems.two_stage.sample import Plan, Sample
from sgg.systems.two_stage.totals import Totals

from .paper_step import PaperStep, Size, build


@dataclass(frozen=True)
class StepOfShapes:
    """A step without values. plan: its batch, on the host. totals: of the batch."""

    step: PaperStep
    plan: Plan
    totals: Totals

    def advance(self) -> None:
        """Everything of a step but the passes of the optimisers."""
        system = self.step.system
        requested = [system.augmenter.request(self.plan, Draws(0, 1))]
        with WithoutUpdates():
            system.advance([self._sample()], requested)
        system.learner.take_norms()

    def forward(self) -> None:
        """The pass of F forward, as an evaluation makes it."""
        with torch.no_grad():
            self.step.system.learner.losses(self._sample())

    def _sample(self) -> Sample:
        return self.plan.sample(self.step.system.model, self.step.system.device, self.totals)


@contextmanager
def step_of_shapes(size: Size, gan: bool, device: str = "cpu", **settings: Any) -> Iterator[StepOfShapes]:
    """Yield a step without values; it can run in the block only. The arguments are those of `build`; labels are not
    perturbed."""
    plan = build(size.without_networks(), False).plan()  # a plan has values, for which others decide
    totals = Totals.of(*plan.counts)
    augmentation = {"kind": "gan"} if gan else {"kind": "off"}
    with FakeTensorMode() as fake:
        step = build(size, gan, device, **{"augmentation": augmentation, **settings})
        maps = step.batch.outputs.map
        yield StepOfShapes(step, faked(replace(plan, encoding=replace(plan.encoding, map=maps)), fake), totals)
