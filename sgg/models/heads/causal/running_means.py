"""Running means over training of what the context branch reads, for average contexts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgg.common import distributed as parallel
from sgg.common.counting import counted
from sgg.common.precision import full
from sgg.methods.head import HeadInputs
from sgg.models.head_parts.contexts import Averages, Contexts

RATE = 0.0005
"""How far a mean moves towards that of a batch."""


class RunningMeans(nn.Module):
    """Means that start at zero and move towards those of each batch, which several processes may share. As in the
    reference, the start is never corrected.

    to_decode, known: widths of `Contexts.to_decode` and `Contexts.known`. boxes: of the numbers of a pair's boxes.
    each_image: whether `to_decode` follows one image after another, and only where labels are predicted. drawing: width
    of the vector of drawn boxes; 0: there is none.
    """

    to_decode: Tensor
    known: Tensor
    boxes: Tensor
    drawing: Tensor

    def __init__(self, to_decode: int, known: int, boxes: int, each_image: bool, drawing: int = 0) -> None:
        super().__init__()
        self.each_image = each_image
        for name, width in (("to_decode", to_decode), ("known", known), ("boxes", boxes), ("drawing", drawing)):
            if width:
                self.register_buffer(name, torch.zeros(width))

    @property
    def averages(self) -> Averages:
        """The means that stand for what contexts read."""
        return Averages(self.to_decode, self.known)

    @torch.no_grad()
    def follow(self, contexts: Contexts, boxes: Tensor | None, inputs: HeadInputs,
               drawn: Tensor | None = None) -> None:
        """Move towards the means of a batch. boxes: [P, numbers] of its pairs, and drawn: [P, drawing] vectors of their
        drawings; None: they are not used."""
        if not self.each_image:
            self._move(self.to_decode, contexts.to_decode)
        elif inputs.labels is None:
            self._move_by_image(contexts.to_decode, inputs)
        self._move(self.known, contexts.known)
        if boxes is not None:
            self._move(self.boxes, boxes)
        if drawn is not None:
            self._move(self.drawing, drawn)

    def _move(self, mean: Tensor, rows: Tensor) -> None:
        """Move towards the mean of the rows of all processes; without any, stay."""
        rows = full(rows)
        sums = parallel.total(torch.cat([rows.sum(0), rows.new_full((1,), len(rows))]))
        count = sums[-1]
        mean.lerp_(torch.where(count > 0, sums[:-1] / count.clamp(min=1), mean), RATE)

    def _move_by_image(self, rows: Tensor, inputs: HeadInputs) -> None:
        """As `_move` for one image after another, those of the first process first; those without objects are left out.
        """
        rows = full(rows)
        counts = counted(inputs.image_index, inputs.num_images)
        sums = rows.new_zeros(inputs.num_images, rows.shape[1]).index_add(0, inputs.image_index, rows)
        there = (counts > 0).to(rows.dtype)
        own = torch.arange(parallel.num_workers(), device=rows.device) == parallel.rank()
        of_processes = parallel.total(own * there.sum())
        later = there.flip(0).cumsum(0).flip(0) - there + of_processes[parallel.rank() + 1:].sum()  # images after this
        weights = there * RATE * (1 - RATE) ** later
        added = parallel.total(weights @ (sums / counts.clamp(min=1)[:, None]))
        self.to_decode.mul_((1 - RATE) ** of_processes.sum()).add_(added)
