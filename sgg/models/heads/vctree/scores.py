"""The scores of pairs from which trees are made (Tang et al. 2019)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.common.precision import full
from sgg.methods.head import HeadSizes
from sgg.models.head_parts.class_nms import pixel_intersection, pixel_iou
from sgg.models.head_parts.grid import ObjectGrid
from sgg.models.head_parts.position import BatchNorm, box_code

DIM, AREA = 128, 1024 ** 2
"""The width of what describes an object; areas are fractions of an image of this area."""


class TreeScores(nn.Module):
    """How likely two objects belong together, from their vectors, labels and boxes, and from how often their classes
    are related in training.

    hidden_dim: width of the states that are compared.
    """

    def __init__(self, sizes: HeadSizes, hidden_dim: int) -> None:
        super().__init__()
        self.vector, self.label = nn.Linear(sizes.vector, DIM), nn.Linear(sizes.embedding, DIM)
        self.box, self.overlap = Code(9), Code(6)
        self.state = nn.Linear(4 * DIM, hidden_dim)
        self.as_subject, self.as_object = nn.Linear(hidden_dim, hidden_dim), nn.Linear(hidden_dim, hidden_dim)
        for layer in (self.vector, self.label, self.state, self.as_subject, self.as_object):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.join = nn.Linear(3 * hidden_dim + 1, 1)
        assert sizes.frequency_table is not None
        self.prior = nn.Parameter(class_prior(sizes.frequency_table))

    def forward(self, nodes: Tensor, label_codes: Tensor, probabilities: Tensor, boxes: Tensor, image_sizes: Tensor,
                grid: ObjectGrid) -> Tensor:
        """[B, L, L] logits of the scores of rows and columns; padding has any value.

        nodes [N, V], label_codes [N, D]: they get no gradient. probabilities: [N, C] of classes. boxes: [N, 4].
        image_sizes: [N, 2] of the image of each box.
        """
        with torch.autocast(nodes.device.type, enabled=False):  # trees of bfloat16 would be decided by ties
            described = torch.cat([self.vector(full(nodes.detach())), self.label(full(label_codes.detach())),
                                   self.box(box_code(boxes, image_sizes)), self.overlap(overlap_code(boxes, grid))], 1)
            state = self.state(described).relu()
            return self._compare(grid.pad(self.as_subject(state).relu()), grid.pad(self.as_object(state).relu()),
                                 grid.pad(full(probabilities)))

    def _compare(self, subjects: Tensor, objects: Tensor, probabilities: Tensor) -> Tensor:
        """[B, L, L] logits. The row is the object of the pair, and the column its subject. All arguments: [B, L, .]."""
        prior = probabilities @ self.prior @ probabilities.transpose(1, 2)
        # A linear layer on [s * o, s, o, prior] of every pair, without a vector for every pair.
        of_product, of_subject, of_object, of_prior = self.join.weight[0].split([*3 * [subjects.shape[2]], 1])
        visual = (objects * of_product) @ subjects.transpose(1, 2) + (subjects @ of_subject)[:, None] + (
            objects @ of_object)[:, :, None] + of_prior * prior + self.join.bias
        return visual.sigmoid() * prior


class Code(nn.Module):
    """A linear layer, BatchNorm and ReLU on a few numbers of an object."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(numbers, DIM), BatchNorm(DIM, momentum=0.001)

    def forward(self, values: Tensor) -> Tensor:
        """[N, numbers] -> [N, 128]."""
        return self.norm(self.linear(values)).relu()


def class_prior(frequency_table: Tensor) -> Tensor:
    """[C, C] the start of the prior of two classes: the sum over predicates of the table [C, C, R], in both directions.

    The table has logarithms, as in the reference, so this is negative and the larger, the more predicates there are.
    """
    summed = frequency_table.sum(2)
    return summed + summed.T


def overlap_code(boxes: Tensor, grid: ObjectGrid) -> Tensor:
    """[N, 6] how a box [N, 4] overlaps the boxes of its image, itself included: their number, the areas in common, the
    sum of all IoUs, both divided by the number, and the area of the box."""
    padded = grid.pad(boxes)
    pairs = padded[:, :, None], padded[:, None]
    shared = pixel_intersection(*pairs) * grid.real[:, None]
    number = (shared > 0).sum(2).to(boxes.dtype)
    area = shared.sum(2) / AREA
    overlap = (pixel_iou(*pairs) * grid.real[:, None]).sum(2)
    own = (padded[..., 2:] - padded[..., :2]).prod(-1) / AREA
    return grid.unpad(torch.stack([number, area, overlap, area / number.clamp(min=1), overlap / number.clamp(min=1),
                                   own], dim=2))


def tree_loss(logits: Tensor, pairs: Tensor, related: Tensor, grid: ObjectGrid) -> Tensor:
    """The mean over images of the mean binary cross-entropy of scores and annotation, over all ordered pairs and the
    diagonal.

    logits: [B, L, L]. pairs: [P, 2], of which `related` [P] says whether the annotation relates them. An image without
    objects counts 0.
    """
    images, rows, columns = grid.image_index[pairs[:, 0]], grid.column[pairs[:, 0]], grid.column[pairs[:, 1]]
    target = torch.zeros_like(logits).index_put((images, rows, columns), related.to(logits.dtype), accumulate=True)
    target = ((target + target.transpose(1, 2)) > 0).to(logits.dtype)
    real = grid.real[:, :, None] & grid.real[:, None]
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none").where(real, 0.0)
    return (entropy.sum((1, 2)) / grid.counts.clamp(min=1).square()).sum() / max(len(logits), 1)
