"""RoIAlign's values are torchvision's, and so is its gradient, which is computed in another way."""

import pytest
import torch
from torchvision.ops import roi_align

from sgg.models import roi_align as ours

SCALE = 1 / 8
BOXES = torch.tensor([
    [10., 12., 60., 70.], [0., 0., 95., 79.], [-40., 3., 20., 30.], [50., 60., 300., 200.], [-90., -90., -20., -20.],
    [30., 30., 30., 30.], [31., 40., 33., 78.], [80., 70., 96., 80.], [10., 12., 60., 70.]], dtype=torch.float64)
"""On a map of 10 x 12 cells of 8 pixels: inside, the whole, beyond each side, outside, without extent, narrow, at the
corner, twice the same."""
IMAGES = torch.tensor([0, 2, 1, 0, 0, 2, 2, 0, 0])


def gradients(pool, dtype, part_bytes, monkeypatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Values, and the gradient of the map."""
    monkeypatch.setattr(ours, "PART_BYTES", part_bytes)
    generator = torch.Generator().manual_seed(3)
    feature_map = torch.rand(3, 5, 10, 12, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    found = pool(feature_map, BOXES.to(dtype), IMAGES)
    found.backward(torch.rand(found.shape, generator=generator, dtype=torch.float64).to(dtype))
    return found.detach(), feature_map.grad


def theirs(feature_map, boxes, images):
    return roi_align(feature_map, torch.cat([images[:, None].to(boxes), boxes], 1), 7, SCALE, sampling_ratio=2)


@pytest.mark.parametrize("part_bytes", [1, 2**26])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_pool_and_its_gradient_are_torchvisions(dtype, tolerance, part_bytes, monkeypatch) -> None:
    """The largest gradient is near 10: a sum of some 50 numbers, of which each may be off by an epsilon. part_bytes 1:
    one channel at a time."""
    value, gradient = gradients(lambda *given: ours.pool(*given, 7, SCALE), dtype, part_bytes, monkeypatch)
    other_value, other = gradients(theirs, dtype, part_bytes, monkeypatch)
    assert torch.equal(value, other_value)
    assert other.abs().max() > 1
    torch.testing.assert_close(gradient, other, rtol=tolerance, atol=tolerance)


def test_pool_without_gradient_or_boxes() -> None:
    feature_map = torch.rand(3, 5, 10, 12)
    assert not ours.pool(feature_map, BOXES.float(), IMAGES, 7, SCALE).requires_grad
    assert ours.pool(feature_map.requires_grad_(), BOXES[:0].float(), IMAGES[:0], 7, SCALE).shape == (0, 5, 7, 7)


def test_gradient_is_the_same_every_time(monkeypatch) -> None:
    one, other = (gradients(lambda *given: ours.pool(*given, 7, SCALE), torch.float32, 2**26, monkeypatch)[1]
                  for _ in range(2))
    assert torch.equal(one, other)
