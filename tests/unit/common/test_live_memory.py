from typing import NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from sgg.common.live_memory import LiveMemory, bytes_of, faked, peak_of
from sgg.structures import Batch


def test_live_memory_counts_a_tensor_until_it_is_freed():
    """400 bytes are held; 800 are made, viewed (a view is the same memory), and freed before 1,600 are made."""
    held = torch.zeros(100)
    with LiveMemory([held, held[:50]]) as memory:
        first = torch.zeros(200)
        view = first.view(2, 100).t()
        assert memory.now == 400 + 800
        del first
        assert memory.now == 400 + 800
        del view
        assert memory.now == 400
        torch.zeros(400)
    assert memory.now == 400
    assert memory.peak == 400 + 1600


def test_bytes_of_tensors_that_share_memory():
    whole = torch.zeros(100)
    assert bytes_of([whole, whole[:50], torch.zeros(10, dtype=torch.uint8)]) == 410


def test_peak_of_a_step_is_that_of_its_second_run():
    """As of Adam's moments, which the first step makes and which stay."""
    kept = []

    def step():
        if not kept:
            torch.zeros(1000)  # of the first run only
            kept.append(torch.zeros(100))
        torch.zeros(50)

    assert peak_of(step, lambda: kept) == 400 + 200


def test_faked_keeps_shapes_and_what_is_no_tensor():
    batch = Batch((), torch.ones(2, 2), torch.ones(3, 4), torch.ones(3), torch.ones(3), torch.ones(0, 4), ("a", "b"))
    with FakeTensorMode() as fake:
        found = faked(batch, fake)
        assert found.boxes.shape == (3, 4)
        assert faked(found.boxes, fake) is found.boxes
        assert type(found.boxes).__name__ == "FakeTensor"
    assert found.image_ids == ("a", "b")


class Named(NamedTuple):
    """Two tensors by name."""

    first: Tensor
    second: tuple[Tensor, ...]


def test_faked_keeps_the_kind_of_what_holds_tensors():
    given = [Named(torch.ones(2), (torch.ones(3),)), {"a": torch.ones(4)}]
    with FakeTensorMode() as fake:
        named, mapping = faked(given, fake)
        assert isinstance(named, Named)
        assert [type(one).__name__ for one in (named.first, *named.second, mapping["a"])] == ["FakeTensor"] * 3
        assert (named.second[0].shape, mapping["a"].shape) == ((3,), (4,))
