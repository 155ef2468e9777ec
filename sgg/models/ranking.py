"""Rank the pairs of an image (docs/SYSTEM.md section 2, "Pair ranking")."""

from __future__ import annotations

import torch
from torch import Tensor

from sgg.structures import Prediction


def rank(boxes: Tensor, labels: Tensor, label_scores: Tensor, pairs: Tensor, edge_logits: Tensor) -> Prediction:
    """The prediction of an image, with pairs in descending order of predicate score x both label scores.

    boxes: [N, 4]. labels, label_scores: [N]. pairs: [P, 2] rows of `boxes`. edge_logits: [P, R].
    """
    scores = torch.softmax(edge_logits, dim=1)
    overall = scores[:, 1:].amax(dim=1) * label_scores[pairs[:, 0]] * label_scores[pairs[:, 1]]
    order = torch.argsort(overall, descending=True, stable=True)
    return Prediction(boxes, labels, label_scores, pairs[order], scores[order])
