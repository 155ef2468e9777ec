"""The boxes of a pair as numbers, in relation to one another."""

from __future__ import annotations

import torch
from torch import Tensor

from sgg.models.head_parts.position import box_code
from sgg.models.union_boxes import union

NUMBERS = 21


def pair_code(boxes: Tensor, pairs: Tensor, image_sizes: Tensor) -> Tensor:
    """[P, 21] numbers of both boxes of each pair: the code of their union (`box_code`); the corners of the subject's
    box less those of the object's, by the sides of the object's; the same the other way round; the logarithms of how
    many times as wide and as high one is as the other, in both directions.

    boxes: [N, 4]. pairs: [P, 2]. image_sizes: [P, 2] height and width. A box from 3 to 5 is 3 pixels wide.
    """
    subjects, objects = boxes[pairs[:, 0]], boxes[pairs[:, 1]]
    of_subject, of_object = (one[:, 2:] - one[:, :2] + 1 for one in (subjects, objects))
    between = (subjects - objects) / of_object.repeat(1, 2)
    back = (objects - subjects) / of_subject.repeat(1, 2)
    larger = (of_subject / of_object).log()
    return torch.cat([box_code(union(subjects, objects), image_sizes), between, back, larger, -larger], dim=1)
