"""Drawn box pairs, compared with images painted cell by cell."""

import numpy as np
import pytest
import torch

from sgg.models.union_boxes import DRAWINGS, draw, union


def random_boxes(count: int, seed: int) -> torch.Tensor:
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed)) * 200
    return torch.cat([corners.amin(1), corners.amax(1) + 1], dim=1)


def painted(box: list[float], frame: list[float], size: int, fine: int = 40) -> np.ndarray:
    """Fraction of each cell that is covered, counted on a grid `fine` times finer."""
    xs = frame[0] + (np.arange(size * fine) + 0.5) / (size * fine) * (frame[2] - frame[0])
    ys = frame[1] + (np.arange(size * fine) + 0.5) / (size * fine) * (frame[3] - frame[1])
    inside = ((ys >= box[1]) & (ys <= box[3]))[:, None] & ((xs >= box[0]) & (xs <= box[2]))[None, :]
    return inside.reshape(size, fine, size, fine).mean(axis=(1, 3))


def test_draw_in_the_union_frame_gives_the_covered_fraction() -> None:
    subjects, objects = random_boxes(6, 0), random_boxes(6, 1)
    drawn = draw(subjects, objects, size=9)
    frames = union(subjects, objects)
    for pair in range(6):
        for role, boxes in enumerate((subjects, objects)):
            expected = painted(boxes[pair].tolist(), frames[pair].tolist(), 9)
            np.testing.assert_allclose(drawn[pair, role], expected, atol=0.06)


@pytest.mark.parametrize(("former", "today"), [("motifs", "union_frame"), ("raw_boxes", "image_frame")])
def test_draw_accepts_the_former_names(former: str, today: str) -> None:
    boxes = random_boxes(3, 0), random_boxes(3, 1)
    sizes = torch.full((3, 2), 200)
    assert torch.equal(draw(*boxes, kind=former, image_sizes=sizes), draw(*boxes, kind=today, image_sizes=sizes))


def test_draw_of_a_union_without_extent_is_finite() -> None:
    point = torch.tensor([[5.0, 5, 5, 5]])
    for kind in ("union_frame", "image_frame"):
        assert torch.isfinite(draw(point, point, kind=kind, image_sizes=torch.tensor([[10, 10]]))).all()


@pytest.mark.parametrize("kind", DRAWINGS)
def test_draw_of_some_lines_gives_the_cells_where_they_cross(kind: str) -> None:
    boxes, sizes, lines = (random_boxes(4, 0), random_boxes(4, 1)), torch.full((4, 2), 200), torch.tensor([0, 3, 19])
    expected = draw(*boxes, kind=kind, image_sizes=sizes)[:, :, lines][:, :, :, lines]
    assert torch.equal(draw(*boxes, kind=kind, image_sizes=sizes, lines=lines), expected)


def test_draw_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"kind.*union_frame, image_frame.*'circles'"):
        draw(random_boxes(1, 0), random_boxes(1, 1), kind="circles")
