"""A packed feature pyramid, and regions pooled from it, compared with torchvision's poolers."""

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign, roi_align

from sgg.models.box_head import BoxHead, PyramidBoxHead
from sgg.models.pyramid import level_of, pack, pool_all_levels, pool_own_level, unpack
from sgg.models.roi_features import RoIFeatures

SIDE = 256  # pixels


@pytest.fixture
def pyramid() -> list[torch.Tensor]:
    return [torch.randn(2, 3, SIDE // stride, SIDE // stride) for stride in (4, 8, 16, 32)]


@pytest.fixture
def boxes() -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes of all sizes and their images."""
    corners = torch.rand(40, 2, 2) * 60
    boxes = torch.cat([corners[:, 0], corners[:, 0] + corners[:, 1] ** 1.28 + 1], dim=1)
    return boxes, torch.arange(40) % 2


def test_unpack_gives_what_pack_was_given(pyramid) -> None:
    packed = pack(pyramid)
    assert packed.shape == (2, 3, 64, 96)
    for level, found in zip(pyramid, unpack(packed, 4), strict=True):
        assert torch.equal(found, level)


@pytest.mark.parametrize(("side", "level"), [(10, 0), (55, 0), (56, 0), (111, 0), (112, 1), (223, 1), (224, 2),
                                             (447, 2), (448, 3), (2000, 3)])
def test_level_of_a_square(side: int, level: int) -> None:
    """A square of 224 pixels belongs to the third level, and each doubling to the next. Its last pixel counts."""
    assert level_of(torch.tensor([[5.0, 5.0, 4.0 + side, 4.0 + side]]), 4).tolist() == [level]


def test_pool_own_level_equals_torchvisions(pyramid, boxes) -> None:
    """torchvision takes the end of a box as it is for its size, so boxes near the border of two levels are left out."""
    boxes, images = boxes
    clear = level_of(boxes, 4) == level_of(boxes - torch.tensor([0.0, 0, 1, 1]), 4)
    boxes, images = boxes[clear], images[clear]
    found = pool_own_level(pyramid, boxes, images, 7, 1 / 4)
    pooler = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)
    order = torch.argsort(images, stable=True)
    expected = pooler({str(number): level for number, level in enumerate(pyramid)},
                      [boxes[images == 0], boxes[images == 1]], [(SIDE, SIDE)] * 2)
    assert len(set(level_of(boxes, 4).tolist())) > 1
    torch.testing.assert_close(found[order], expected)


def test_pool_all_levels_puts_them_side_by_side(pyramid, boxes) -> None:
    boxes, images = boxes
    found = pool_all_levels(pyramid, boxes, images, 7, 1 / 4)
    rois = torch.cat([images[:, None], boxes], dim=1)
    for number, (level, stride) in enumerate(zip(pyramid, (4, 8, 16, 32), strict=True)):
        torch.testing.assert_close(found[:, 3 * number:3 * number + 3], roi_align(level, rois, 7, 1 / stride, 2))


def test_roi_features_of_a_packed_map(pyramid, boxes) -> None:
    (boxes, images), pairs = boxes, torch.tensor([[0, 2], [2, 0], [1, 3]])
    regions = RoIFeatures(3, 1 / 4, levels=4)
    nodes, edges = regions(pack(pyramid), boxes, images, pairs)
    torch.testing.assert_close(nodes, pool_own_level(pyramid, boxes, images, 7, 1 / 4))
    around = torch.cat([torch.minimum(boxes[pairs[:, 0], :2], boxes[pairs[:, 1], :2]),
                        torch.maximum(boxes[pairs[:, 0], 2:], boxes[pairs[:, 1], 2:])], dim=1)
    torch.testing.assert_close(edges, pool_all_levels(pyramid, around, images[pairs[:, 0]], 7, 1 / 4))
    assert edges.shape[1] == regions.pair_channels


def test_pyramid_box_head_reduces_channels_then_adds() -> None:
    head = PyramidBoxHead(3, 4, 3 * 49, 5)
    plain = BoxHead(3 * 49, 5)
    plain.load_state_dict({name: value for name, value in head.state_dict().items() if not name.startswith("reduce.")})
    pooled, added = torch.randn(6, 12, 7, 7), torch.randn(6, 3, 7, 7)
    expected = plain(torch.conv2d(pooled, head.reduce.weight, head.reduce.bias, padding=1).relu() + added)
    torch.testing.assert_close(head(pooled, added), expected)
