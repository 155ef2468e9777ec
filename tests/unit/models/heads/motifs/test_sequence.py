"""The order of objects in an LSTM, against sorting by Python."""

import pytest
import torch

from sgg.models.heads.motifs.sequence import SequenceOrder


def plain_order(centres: list[float], images: list[int], num_images: int) -> tuple[list[int], list[int]]:
    """Rows and batch sizes from lists of each image's objects."""
    queues = [sorted((row for row, image in enumerate(images) if image == own), key=lambda row: (-centres[row], row))
              for own in range(num_images)]
    order = sorted(range(num_images), key=lambda image: (-len(queues[image]), -image))
    rows, sizes = [], []
    while any(queues):
        step = [queues[image].pop(0) for image in order if queues[image]]
        rows += step
        sizes.append(len(step))
    return rows, sizes


@pytest.mark.parametrize("counts", [[4, 7, 5], [3, 3, 3], [0, 2, 0, 2, 1], [1], [0], []], ids=str)
def test_sequence_order_right_to_left_against_sorting(counts: list[int]) -> None:
    """Centres are whole numbers, so some are equal."""
    index = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
    left = torch.randint(0, 4, (len(index), 1)).float()
    boxes = torch.cat([left, left, left + 2, left + 3], dim=1)
    order = SequenceOrder.right_to_left(boxes, index, len(counts))
    rows, sizes = plain_order((boxes[:, 0] + 1).tolist(), index.tolist(), len(counts))
    assert (order.rows.tolist(), order.batch_sizes.tolist()) == (rows, sizes)
    values = torch.randn(len(index), 2)
    if rows:
        packed = order.pack(values)
        assert torch.equal(order.unpack(packed.data), values)
