"""Detections matched to the annotation, by hand and against loops."""

import torch
from torchvision.ops import box_iou

from sgg.models.assignment import assign


def test_assign_by_hand() -> None:
    """Two people on one horse. Detections: the horse twice, one person, one person labelled as horse, one stray box."""
    true_boxes = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [0, 20, 30, 30]])
    true_labels = torch.tensor([1, 1, 2])
    relations = torch.tensor([[0, 0, 2, 4], [0, 1, 2, 5]])
    boxes = torch.tensor([[0.0, 20, 30, 31], [0, 20, 30, 29], [0, 0, 10, 11], [20, 0, 30, 10], [60, 60, 70, 70]])
    labels = torch.tensor([2, 2, 1, 2, 1])
    zeros = torch.zeros(5, dtype=torch.long)
    targets, found = assign(boxes, labels, zeros, true_boxes, true_labels, zeros[:3], relations)
    assert targets.tolist() == [2, 2, 1, 1, 0]
    assert found.tolist() == [[0, 2, 0, 4], [0, 2, 1, 4]]


def test_assign_does_not_match_boxes_of_other_images() -> None:
    box = torch.tensor([[0.0, 0, 10, 10]])
    one = torch.tensor([1])
    targets, found = assign(box, one, one, box, one, one * 0, torch.tensor([[0, 0, 0, 1]]))
    assert (targets.tolist(), len(found)) == ([0], 0)


def test_assign_without_detections() -> None:
    targets, found = assign(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long),
                            torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1]), torch.tensor([0]),
                            torch.tensor([[0, 0, 0, 1]]))
    assert (targets.shape, found.shape) == ((0,), (0, 4))


def test_assign_by_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(20, 2, 2, generator=generator) * 30
    true_boxes = torch.cat([corners.amin(1), corners.amax(1) + 2], dim=1)
    boxes = true_boxes.repeat(2, 1) + torch.randn(40, 4, generator=generator)
    true_labels, labels = (torch.randint(1, 3, (count,), generator=generator) for count in (20, 40))
    true_images, images = torch.arange(20) // 10, (torch.arange(40) // 10) % 2
    order = images.argsort(stable=True)
    boxes, labels, images = boxes[order], labels[order], images[order]
    relations = torch.tensor([[i // 10, i, j, 1 + (i + j) % 4] for i in range(20) for j in range(20)
                              if i // 10 == j // 10 and (i * j) % 7 == 1])
    targets, found = assign(boxes, labels, images, true_boxes, true_labels, true_images, relations)

    iou = box_iou(boxes, true_boxes)
    expected = set()
    for image, subject, object_, predicate in relations.tolist():
        for i in range(40):
            for j in range(40):
                near = iou[i, subject] >= 0.5 and iou[j, object_] >= 0.5
                named = labels[i] == true_labels[subject] and labels[j] == true_labels[object_]
                if i != j and near and named and images[i] == images[j] == image:
                    expected.add((image, i, j, predicate))
    assert {tuple(row) for row in found.tolist()} == expected
    assert len(expected) > 10
    for i in range(40):
        mine = [(float(iou[i, k]), int(true_labels[k])) for k in range(20) if true_images[k] == images[i]]
        assert targets[i] == (max(mine)[1] if max(mine)[0] >= 0.5 else 0)
