"""The peak memory of a training step on random inputs, from shapes and from values (`sgg/common/live_memory.py`)."""

from __future__ import annotations

from typing import Any

from sgg.common.live_memory import peak_of
from sgg.systems.two_stage.step_memory import held_by

from .paper_step import Size, build
from .shapes import step_of_shapes


def peak_of_shapes(size: Size, gan: bool, device: str = "cpu", **settings: Any) -> int:
    """The peak bytes of a step, from shapes alone. The other arguments are those of `build`; labels are not perturbed.
    """
    with step_of_shapes(size, gan, device, **settings) as shapes:
        maps = shapes.step.batch.outputs.map
        return peak_of(shapes.advance, lambda: [maps, *held_by(shapes.step.system)])


def peak_of_values(size: Size, gan: bool, **settings: Any) -> int:
    """The same count of a real step on the CPU."""
    step = build(size, gan, **settings)
    return peak_of(step, lambda: [step.batch.outputs.map, *held_by(step.system)])
