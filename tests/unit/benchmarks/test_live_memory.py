from dataclasses import fields

import pytest
import torch

from benchmarks.common.live_memory import peak_of_shapes, peak_of_values
from benchmarks.common.paper_step import Size, build

SMALL = Size().quick()


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("gan", [False, True], ids=["without the GAN", "with the GAN"])
def test_peak_of_shapes_is_that_of_values(gan: bool, recompute: bool):
    """But for the plan, which is there before the step from shapes begins, and a few scalars and random numbers."""
    settings = {"training": {"recompute_box_heads": recompute}}
    plan = build(SMALL, gan).plan()
    tensors = [getattr(one, field.name) for one in (plan, plan.encoding) for field in fields(one)]
    size_of_plan = sum(one.numel() * one.element_size() for one in tensors if isinstance(one, torch.Tensor))
    less = size_of_plan - plan.encoding.map.numel() * 4
    real = peak_of_values(SMALL, gan, **settings)
    assert 0 <= real - peak_of_shapes(SMALL, gan, **settings) <= less
    assert less < 0.01 * real
