"""Average precision by hand, and the share of relations with both objects right."""

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from sgg.detector.evaluation import average_precision, both_objects_found, both_objects_right, measure
from sgg.detector.model import Detector
from sgg.structures import Detections, SceneGraph


def graph(*things: tuple[list[float], int], relations: list[list[int]] | None = None) -> SceneGraph:
    return SceneGraph(np.array([box for box, _ in things], np.float32).reshape(-1, 4),
                      np.array([label for _, label in things], np.int64),
                      np.array(relations or [], np.int64).reshape(-1, 3))


def found(*things: tuple[list[float], int, float]) -> Detections:
    return Detections(torch.tensor([box for box, _, _ in things]).reshape(-1, 4),
                      torch.tensor([label for _, label, _ in things], dtype=torch.long),
                      torch.tensor([score for *_, score in things]), 0.2)


A, B, FAR = [0.0, 0, 10, 10], [20.0, 20, 40, 40], [60.0, 60, 70, 70]


def test_both_objects_found_by_hand() -> None:
    """A near B: both found. A near FAR: FAR is found as another class. B near A: both found, but an image without
    detections has one relation, too."""
    graphs = [graph((A, 1), (B, 2), (FAR, 3), relations=[[0, 1, 1], [0, 2, 1], [1, 0, 2]]),
              graph((A, 1), (B, 2), relations=[[0, 1, 1]])]
    near = [A[0], A[1], A[2], A[3] * 0.6]  # an IoU of .6 with A
    assert both_objects_found(graphs, [found((near, 1, 0.9), (B, 2, 0.8), (FAR, 4, 0.7)), found()]) == 0.5
    assert np.isnan(both_objects_found([graph((A, 1))], [found((A, 1, 0.9))]))


def test_average_precision_of_perfect_and_empty_detections() -> None:
    truth = [graph((A, 1), (B, 2)), graph((B, 1))]
    right = [found((A, 1, 0.9), (B, 2, 0.8)), found((B, 1, 0.7))]
    assert average_precision(truth, right) == {"mAP": 1, "mAP@.5": 1, "mAP@.75": 1}
    assert average_precision(truth, [found(), found()]) == {"mAP": 0, "mAP@.5": 0, "mAP@.75": 0}
    assert all(np.isnan(value) for value in average_precision([graph()], [found((A, 1, 0.9))]).values())


def test_average_precision_by_hand() -> None:
    """Class 1: two objects; hits at ranks 1 and 3 of three detections, so precision is 1 up to recall .5 (51 of COCO's
    101 recall levels) and 2/3 beyond (50 levels). Class 2: one object, found by a box of IoU .6 (of 10 levels .5, .55
    and .6). Class 3: one object, called class 4, of which there is none.
    """
    truth = [graph((A, 1), (B, 1), ([0.0, 0, 10, 6], 2), (FAR, 3))]
    answer = [found((A, 1, 0.9), (FAR, 1, 0.8), (B, 1, 0.7), (A, 2, 0.6), (FAR, 4, 0.5))]
    assert float(box_iou(torch.tensor([A]), torch.tensor([[0.0, 0, 10, 6]]))) == pytest.approx(0.6)
    class_1 = (51 + 50 * 2 / 3) / 101
    figures = average_precision(truth, answer)
    assert figures["mAP@.5"] == pytest.approx((class_1 + 1 + 0) / 3)
    assert figures["mAP@.75"] == pytest.approx((class_1 + 0 + 0) / 3)
    assert figures["mAP"] == pytest.approx((class_1 + 0.3 + 0) / 3)


def test_both_objects_right() -> None:
    graphs = [graph((A, 1), (B, 2), (FAR, 3), relations=[[0, 1, 1], [1, 2, 1], [2, 0, 4], [0, 1, 2]]), graph((A, 1))]
    named = [np.array([1, 2, 9]), np.array([5])]
    assert both_objects_right(graphs, named) == 0.5  # 0-1 twice; 1-2 and 2-0 need the third
    assert np.isnan(both_objects_right([graph((A, 1))], [np.array([1])]))


def test_measure_of_a_split(data) -> None:
    torch.manual_seed(0)
    detector = Detector("tiny", len(data.classes))
    figures = measure(detector, data, "test", batch_size=4)
    subsets = [f"test/detector/{subset}/{name}" for subset in ("zs", "10s", "100s", "all")
               for name in ("both-right", "both-found")]
    assert set(figures) == {"test/detector/mAP", "test/detector/mAP@.5", "test/detector/mAP@.75",
                            "test/detector/fallback@.05", "test/detector/fallback@.01", "test/detector/boxes-right",
                            *subsets}
    # Untrained, every score is near 1/25.
    assert figures["test/detector/fallback@.01"] + figures["test/detector/fallback@.05"] == 1

    class Clairvoyant(Detector):
        """Names every box rightly, the first object of each image excepted."""

        def outputs(self, images, sides, boxes, wanted):
            truth = torch.cat([torch.as_tensor(one.labels) for one in graphs])
            first = torch.cat([torch.arange(len(one)) == 0 for one in boxes])
            named = torch.nn.functional.one_hot(torch.where(first, truth % 24 + 1, truth), 25).float()
            return super().outputs(images, sides, boxes, wanted)._replace(object_logits=named)

    part = data.split("test")
    graphs = [part.graph(image) for image in range(len(part))]
    figures = measure(Clairvoyant("tiny", 25), data, "test", batch_size=len(part))
    objects = sum(len(one) for one in graphs)
    assert figures["test/detector/boxes-right"] == pytest.approx(1 - len(graphs) / objects)
    ends = np.concatenate([one.relations[:, :2] for one in graphs])
    assert figures["test/detector/all/both-right"] == pytest.approx((ends > 0).all(1).mean())
