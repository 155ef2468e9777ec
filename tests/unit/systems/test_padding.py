"""Detections in the padding beside an image."""

from types import SimpleNamespace

import torch

from sgg.structures import Batch, Detections, DetectorOutputs
from sgg.systems.two_stage import predictor
from sgg.systems.two_stage.padding import detections_inside
from sgg.systems.two_stage.predictor import TwoStagePredictor

BOXES = torch.tensor([[10, 0, 30, 40], [0, 30, 20, 50], [0, 31, 20, 51], [50, 60, 80, 90], [90, 10, 100, 20.]])


def batch_of(found: Detections) -> Batch:
    """One image of 100 x 40 pixels, which the detector sees as 100 x 100."""
    empty = torch.empty(0, 4)
    return Batch((), torch.tensor([[40, 100]]), empty, torch.empty(0).long(), torch.empty(0).long(), empty.long(),
                 ("a",), (), DetectorOutputs(torch.zeros(1, 1, 1, 1), None, (found,)))


def test_detections_inside_cuts_boxes_and_leaves_out_those_in_the_padding() -> None:
    """The second box is inside by half of its area, the third by 9/20, the fourth not at all."""
    found = Detections(BOXES, torch.arange(1, 6), torch.linspace(0.9, 0.5, 5), 0.2)
    (inside,) = detections_inside(batch_of(found)).outputs.detections
    assert inside.boxes.tolist() == [[10, 0, 30, 40], [0, 30, 20, 40], [90, 10, 100, 20]]
    assert inside.labels.tolist() == [1, 2, 5]
    torch.testing.assert_close(inside.scores, torch.tensor([0.9, 0.8, 0.5]))
    assert (inside.threshold, inside.logits, inside.class_boxes) == (0.2, None, None)


def test_detections_inside_cuts_the_boxes_of_every_class() -> None:
    """One that lies in the padding alone becomes the detection's own."""
    class_boxes = torch.stack([BOXES, BOXES + torch.tensor([0, 5, 0, 5.]), torch.tensor([[0, 60, 9, 70.]] * 5)], 1)
    found = Detections(BOXES, torch.arange(1, 6), torch.ones(5), 0.2, torch.arange(15.).reshape(5, 3), class_boxes)
    (inside,) = detections_inside(batch_of(found)).outputs.detections
    assert inside.logits.tolist() == [[0, 1, 2], [3, 4, 5], [12, 13, 14]]
    assert inside.class_boxes[1].tolist() == [[0, 30, 20, 40], [0, 35, 20, 40], [0, 30, 20, 40]]
    assert inside.class_boxes[2].tolist() == [[90, 10, 100, 20], [90, 15, 100, 25], [90, 10, 100, 20]]


def test_predictor_leaves_the_padding_out_before_the_model_sees_it(monkeypatch) -> None:
    """The objects that are encoded are those that messages pass between. An evaluation encodes them all."""
    batch = batch_of(Detections(BOXES, torch.arange(1, 6), torch.ones(5), 0.2))
    encoded = []
    monkeypatch.setattr(predictor, "observe", lambda *given: batch)
    monkeypatch.setattr(predictor, "encode_detected", lambda detector, given, needs: encoded.append(
        len(given.outputs.detections[0].boxes)) or SimpleNamespace(fallbacks=0, overlapping_pairs=lambda: None))
    monkeypatch.setattr(TwoStagePredictor, "_predict", lambda *given: {})
    for inside in (True, False):
        TwoStagePredictor(SimpleNamespace(needs=frozenset()), None, inside=inside).predict(batch, ["sgdet"])
    assert encoded == [3, 5]
