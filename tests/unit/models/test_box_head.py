import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sgg.models.box_head import BoxHead

REGIONS, CHANNELS, DIM = 5, 3, 7


def head_and_inputs(cells: int, frozen: bool) -> tuple[BoxHead, Tensor, Tensor]:
    """In float64. The regions need a gradient unless they are frozen."""
    torch.manual_seed(0)
    head = BoxHead(CHANNELS * 49, DIM, final_relu=False).double()
    pooled = torch.randn(REGIONS, CHANNELS, 7, 7, dtype=torch.float64, requires_grad=not frozen)
    added = torch.randn(REGIONS, CHANNELS, cells, cells, dtype=torch.float64, requires_grad=True)
    return head, pooled, added


def gradients(head: BoxHead, out: Tensor, *inputs: Tensor) -> list[Tensor]:
    """Of the sum of squares, with respect to the weights, then to those inputs that need one."""
    return list(torch.autograd.grad(out.square().sum(), [*head.parameters(), *(x for x in inputs if x.requires_grad)]))


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("cells", [1, 7])
def test_added_is_added_to_the_regions(cells: int, frozen: bool) -> None:
    """The sum itself, autograd's gradients of which are the oracle."""
    head, pooled, added = head_and_inputs(cells, frozen)
    expected = head(pooled + added)
    found = head(pooled, added)
    assert torch.equal(found, expected)
    wanted, got = gradients(head, expected, pooled, added), gradients(head, found, pooled, added)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    weights = len(list(head.parameters()))
    assert all(map(torch.equal, got[:weights], wanted[:weights]))


def test_added_vectors_cost_a_49th_of_the_products() -> None:
    """A product of [K, m] and [m, n] is 2 K m n operations. Regions need no gradient: forward and gradient of the first
    layer's weights take one such product each, the added vectors one of a 49th, forward and backward."""
    head, pooled, added = head_and_inputs(1, frozen=True)
    with FlopCounterMode(display=False) as counter:
        head(pooled, added).square().sum().backward()
    first, vectors, second = (2 * REGIONS * size * DIM for size in (49 * CHANNELS, CHANNELS, DIM))
    assert counter.get_total_flops() == 2 * first + 2 * vectors + 3 * second


@pytest.mark.parametrize("cells", [1, 7])
def test_box_head_gives_no_vector_for_no_region(cells: int) -> None:
    """As in an image with one object, which has no pair."""
    head, pooled, added = head_and_inputs(cells, frozen=True)
    assert head(pooled[:0], added[:0]).shape == (0, DIM)
