"""The order in which an LSTM reads the objects of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from sgg.common.counting import counted


@dataclass(frozen=True, slots=True)
class SequenceOrder:
    """The step at which an LSTM reads each object; in every step it reads one object of each image.

    rows [N]: the objects, step by step. inverse [N]: the place of each object in `rows`. batch_sizes [T], on the CPU:
    the number of images that still have an object at each step. No step is padded.
    """

    rows: Tensor
    inverse: Tensor
    batch_sizes: Tensor

    @classmethod
    def right_to_left(cls, boxes: Tensor, image_index: Tensor, num_images: int) -> SequenceOrder:
        """Order objects by the centre of their box, from right to left; images with more objects come first.

        boxes: [N, 4]. image_index: [N]. num_images: B. Among images with the same number of objects the last one comes
        first; among objects with the same centre the first one comes first.
        """
        counts = counted(image_index, num_images)
        images = num_images - 1 - torch.argsort(counts.flip(0), descending=True, stable=True)
        rank = torch.empty_like(images)
        rank[images] = torch.arange(num_images, device=images.device)

        rows = torch.argsort((boxes[:, 0] + boxes[:, 2]) / 2, descending=True, stable=True)
        rows = rows[torch.argsort(rank[image_index[rows]], stable=True)]
        first = counts[images].cumsum(0) - counts[images]
        step = torch.arange(len(rows), device=rows.device) - first[rank[image_index[rows]]]
        rows = rows[torch.argsort(step, stable=True)]
        inverse = torch.empty_like(rows)
        inverse[rows] = torch.arange(len(rows), device=rows.device)

        lengths = counts.cpu()
        steps = torch.arange(int(lengths.max()) if num_images else 0)
        return cls(rows, inverse, (lengths > steps[:, None]).sum(1))

    def pack(self, values: Tensor) -> PackedSequence:
        """[N, D] values of the objects -> a packed sequence in this order."""
        return PackedSequence(values[self.rows], self.batch_sizes)

    def unpack(self, values: Tensor) -> Tensor:
        """[N, ...] values in this order -> the same values in the order of the objects."""
        return values[self.inverse]
