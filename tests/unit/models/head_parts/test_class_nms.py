"""Non-maximum suppression over classes, against loops over boxes and classes."""

import numpy as np
import pytest
import torch

from sgg.models.head_parts.class_nms import labels_by_nms


def plain_iou(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return shared / (areas[0] + areas[1] - shared)


def plain_nms(logits, boxes, threshold: float) -> list[int]:
    """One image, by the definition: all overlaps of all classes, then one choice after another."""
    odds = np.exp(logits - logits.max(1, keepdims=True))
    scores = odds / odds.sum(1, keepdims=True)
    scores[:, 0] = 0
    labels = [0] * len(scores)
    for _ in range(len(scores)):
        best, chosen, label = -2.0, 0, 0
        for row in range(len(scores)):
            for kind in range(scores.shape[1]):
                if scores[row, kind] > best:
                    best, chosen, label = scores[row, kind], row, kind
        labels[chosen] = label
        for row in range(len(scores)):
            if plain_iou(boxes[chosen][label], boxes[row][label]) >= threshold:
                scores[row, label] = 0
        scores[chosen] = -1
    return labels


def random_boxes(rng: np.random.Generator, objects: int, classes: int, spread: float) -> np.ndarray:
    corner = rng.uniform(0, spread, (objects, classes, 2))
    return np.concatenate([corner, corner + rng.uniform(5, 30, corner.shape)], axis=2).astype(np.float32)


@pytest.mark.parametrize("spread", [1.0, 15.0, 200.0], ids=["one heap", "crowded", "apart"])
@pytest.mark.parametrize("classes", [3, 9])
def test_labels_by_nms_against_loops(spread: float, classes: int) -> None:
    """Many boxes on one spot and three classes: nothing is left after two choices, so finished objects are chosen
    again."""
    rng = np.random.default_rng(0)
    counts = [4, 0, 7, 1, 6]
    boxes = random_boxes(rng, sum(counts), classes, spread)
    logits = rng.normal(size=(sum(counts), classes)).astype(np.float32)
    index = np.repeat(np.arange(5), counts)
    labels = labels_by_nms(*map(torch.tensor, (logits, boxes, index)), 5)
    expected = [label for image in range(5) for label in plain_nms(logits[index == image], boxes[index == image], 0.5)]
    assert labels.tolist() == expected


def test_labels_by_nms_chooses_the_first_of_equals() -> None:
    boxes = torch.tensor([[0.0, 0, 9, 9]]).expand(3, 4, 4)
    labels = labels_by_nms(torch.zeros(3, 4), boxes, torch.zeros(3, dtype=torch.long), 1)
    assert labels.tolist() == plain_nms(np.zeros((3, 4)), boxes.tolist(), 0.5) == [1, 2, 3]


def test_labels_by_nms_suppresses_at_the_threshold() -> None:
    """Boxes of 10 and 20 pixels of width: an IoU of exactly .5. The second object then has its next best class."""
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 19, 9]])[:, None].expand(2, 3, 4)
    logits = torch.tensor([[0.0, 3, 0], [0, 2, 1]])
    index = torch.zeros(2, dtype=torch.long)
    assert labels_by_nms(logits, boxes, index, 1).tolist() == [1, 2]
    assert labels_by_nms(logits, boxes, index, 1, threshold=0.51).tolist() == [1, 1]


@pytest.mark.parametrize("images", [0, 2])
def test_labels_by_nms_of_no_objects(images: int) -> None:
    nothing = torch.zeros(0, dtype=torch.long)
    assert labels_by_nms(torch.zeros(0, 3), torch.zeros(0, 3, 4), nothing, images).shape == (0,)
