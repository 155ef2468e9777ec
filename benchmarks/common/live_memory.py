"""The peak memory of a training step on random inputs, from shapes and from values (`sgg/common/live_memory.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch._subclasses.fake_tensor import FakeTensorMode

from sgg.common.live_memory import WithoutUpdates, faked, peak_of
from sgg.systems.contract import Draws
from sgg.systems.two_stage.step_memory import held_by
from sgg.systems.two_stage.totals import Totals

from .paper_step import Size, build


def peak_of_shapes(size: Size, gan: bool, device: str = "cpu", **settings: Any) -> int:
    """The peak bytes of a step, from shapes alone. The other arguments are those of `build`; labels are not perturbed.
    """
    plan = build(size.without_networks(), False).plan()  # a plan has values, for which others decide
    totals = Totals.of(*plan.counts)
    augmentation = {"kind": "gan"} if gan else {"kind": "off"}
    with FakeTensorMode() as fake:
        step = build(size, gan, device, **{"augmentation": augmentation, **settings})
        maps = step.batch.outputs.map

        def advance() -> None:
            of_host = faked(replace(plan, encoding=replace(plan.encoding, map=maps)), fake)
            requested = [step.system.augmenter.request(of_host, Draws(0, 1))]
            with WithoutUpdates():
                step.system.advance([of_host.sample(step.system.model, step.system.device, totals)], requested)
            step.system.learner.take_norms()

        return peak_of(advance, lambda: [maps, *held_by(step.system)])


def peak_of_values(size: Size, gan: bool, **settings: Any) -> int:
    """The same count of a real step on the CPU."""
    step = build(size, gan, **settings)
    return peak_of(step, lambda: [step.batch.outputs.map, *held_by(step.system)])
