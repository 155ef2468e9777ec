"""The position of an object in its image, as a vector."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INNER, DIM = 32, 128


def box_code(boxes: Tensor, image_sizes: Tensor) -> Tensor:
    """[N, 9]: width, height, centre, corners and area of each box as fractions of the size of its image.

    boxes: [N, 4] x1, y1, x2, y2. image_sizes: [N, 2] height and width of the image of each box. A box from 3 to 5 is 3
    pixels wide and has its centre at 4.5.
    """
    image_height, image_width = image_sizes.to(boxes.dtype).unbind(1)
    left, top, right, bottom = boxes.unbind(1)
    width, height = right - left + 1, bottom - top + 1
    return torch.stack([
        width / image_width, height / image_height,
        (left + width / 2) / image_width, (top + height / 2) / image_height,
        left / image_width, top / image_height, right / image_width, bottom / image_height,
        width * height / (image_width * image_height)], dim=1)


class PositionEmbedding(nn.Module):
    """A small network on the code of a box."""

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Linear(9, INNER)
        self.norm = BatchNorm(INNER, momentum=0.001)
        self.output = nn.Linear(INNER, DIM)

    def forward(self, boxes: Tensor, image_sizes: Tensor) -> Tensor:
        """[N, 128] of boxes [N, 4] and the sizes [N, 2] of their images."""
        return self.output(self.norm(self.input(box_code(boxes, image_sizes)))).relu()


class BatchNorm(nn.BatchNorm1d):
    """BatchNorm that uses its running statistics where a batch has fewer than two rows."""

    def forward(self, input: Tensor) -> Tensor:
        """[n, numbers] -> [n, numbers]."""
        if self.training and len(input) < 2:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)
