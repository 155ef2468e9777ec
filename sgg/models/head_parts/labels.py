"""Labels of objects: given ones, expected ones and decided ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs

from .class_nms import labels_by_nms

CERTAIN = 1000.0
"""The logit of a given label; all other labels get its negative."""


def label_code(embedding: nn.Embedding, inputs: HeadInputs) -> Tensor:
    """[N, D] the embedding of the given label, or the mean of all embeddings weighted by the detector's probabilities.

    embedding: of C classes. The detector's scores get no gradient.
    """
    if inputs.labels is not None:
        return embedding(inputs.labels)
    return detector_probabilities(inputs) @ embedding.weight


def start_from(class_vectors: Tensor, *embeddings: Tensor) -> None:
    """Copy the vectors of classes [C, D] into the weights of label embeddings, each [C, D]."""
    for weights in embeddings:
        weights.detach().copy_(class_vectors)


def detector_probabilities(inputs: HeadInputs) -> Tensor:
    """[N, C] the detector's probabilities of classes, without gradient."""
    assert inputs.detector_logits is not None
    return torch.softmax(inputs.detector_logits.detach(), dim=1)


def certain_logits(labels: Tensor, num_classes: int, like: Tensor) -> Tensor:
    """[N, C] logits of given labels [N], in the type of `like`."""
    certain = like.new_full((len(labels), num_classes), -CERTAIN)
    return certain.scatter(1, labels[:, None], CERTAIN)


def best_foreground(logits: Tensor) -> Tensor:
    """[N] the best foreground class of logits [N, C]."""
    return logits[:, 1:].argmax(1) + 1


def decided_labels(logits: Tensor, inputs: HeadInputs, training: bool, background: float = 0.0) -> Tensor:
    """[N] the best foreground class of each object; in evaluation in SGDet, non-maximum suppression over classes
    decides.

    background: as in `labels_by_nms`.
    """
    if inputs.mode != "sgdet" or training:
        return best_foreground(logits)
    assert inputs.class_boxes is not None
    return labels_by_nms(logits, inputs.class_boxes, inputs.image_index, inputs.num_images, largest=inputs.largest,
                         background=background)
