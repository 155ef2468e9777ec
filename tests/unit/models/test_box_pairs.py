"""The embedding of drawn box pairs, compared with its layers as they stand."""

import pytest
import torch

from sgg.models.box_pairs import CENTRE, BoxPairEmbedding
from sgg.models.union_boxes import DRAWINGS, draw


def random_boxes(count: int, seed: int) -> torch.Tensor:
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed)) * 200
    return torch.cat([corners.amin(1), corners.amax(1) + 1], dim=1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", DRAWINGS)
def test_published_strides_give_what_the_convolutions_give(kind: str, training: bool) -> None:
    """Values, gradients, and statistics of the batch, in float64; here in one pass over the whole drawing."""
    torch.manual_seed(0)
    embedding = BoxPairEmbedding(8, kind=kind).double().train(training)
    plain = BoxPairEmbedding(8, kind=kind).double().train(training)
    plain.load_state_dict(embedding.state_dict())
    boxes = random_boxes(6, 0).double(), random_boxes(6, 1).double()
    sizes = torch.tensor([[200, 210]]).expand(6, 2)
    found = embedding(*boxes, sizes)
    expected = plain.conv(draw(*boxes, 27, kind, sizes) - CENTRE[kind])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    weights = torch.linspace(-1, 1, found.numel(), dtype=torch.float64).view_as(found)
    for features in (found, expected):
        (features * weights).sum().backward()
    for name, parameter in embedding.named_parameters():
        torch.testing.assert_close(parameter.grad, plain.get_parameter(name).grad, rtol=1e-9, atol=1e-12)
    for name, statistic in embedding.named_buffers():
        torch.testing.assert_close(statistic, plain.get_buffer(name), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("former", "today"), [("motifs", "union_frame"), ("raw_boxes", "image_frame")])
def test_box_pair_embedding_accepts_the_former_names(former: str, today: str) -> None:
    assert BoxPairEmbedding(8, kind=former).kind == today


@pytest.mark.parametrize(("strides", "cells"), [("published", 1), ("intended", 7)])
def test_box_pair_embedding_size(strides: str, cells: int) -> None:
    embedding = BoxPairEmbedding(16, strides=strides)
    found = embedding(random_boxes(3, 0), random_boxes(3, 1), torch.full((3, 2), 200))
    assert found.shape == (3, 16, cells, cells)


@pytest.mark.parametrize("strides", ["published", "intended"])
def test_box_pair_embedding_stays_in_float32_under_autocast(strides: str) -> None:
    torch.manual_seed(0)
    embedding = BoxPairEmbedding(8, strides=strides)
    boxes1, boxes2 = torch.rand(2, 5, 4).cumsum(2).mul(20).unbind()
    gradients = []
    for autocast in (False, True):
        embedding.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            features = embedding(boxes1, boxes2, torch.tensor([[100, 100]] * 5))
        features.square().mean().backward()
        gradients.append([parameter.grad.clone() for parameter in embedding.parameters()])
    for plain, under_autocast in zip(*gradients, strict=True):
        torch.testing.assert_close(under_autocast, plain, rtol=0, atol=0)


def test_box_pair_embedding_refuses_unknown_strides() -> None:
    with pytest.raises(ValueError, match=r"strides.*published, intended.*'none'"):
        BoxPairEmbedding(16, strides="none")
