"""The encoding of a batch: candidate pairs, and images without candidates."""

import torch

from sgg.detector.model import SCORE_THRESHOLDS, above_threshold
from sgg.structures import Batch, DetectorOutputs
from sgg.systems.two_stage.encoding import encode_detected

SIDES, FRAME = (500, 333, 176), 592


class Finds:
    """A detector that finds given boxes, with falling scores, in squares of SIDES."""

    own_sizes = False

    def __init__(self, boxes):
        self._boxes = boxes

    def outputs(self, images, sides, boxes, wanted):
        assert (tuple(sides), set(wanted)) == (SIDES, {"detections"})
        found = [above_threshold(one, torch.ones(len(one), dtype=torch.long), 0.9 * 0.5 ** torch.arange(len(one)))
                 for one in self._boxes]
        return DetectorOutputs(torch.zeros(len(images), 1, 2, 2), None, tuple(found))

    def frame_of(self, side):
        return FRAME


def seen(*boxes):
    batch = Batch(tuple(torch.zeros(3, side, side) for side in SIDES), torch.tensor([[side, side] for side in SIDES]),
                  torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long),
                  torch.zeros(0, 4, dtype=torch.long), ("a", "b", "c"))
    return encode_detected(Finds(boxes), batch)


def test_overlapping_pairs_of_an_image_without_overlapping_detections() -> None:
    near, far, further = [0.0, 0, 9, 9], [50.0, 50, 60, 60], [100.0, 0, 120, 9]
    found = seen(torch.tensor([near, far, near]), torch.tensor([near, far, further]), torch.zeros(0, 4))
    assert found.fallbacks == 2  # .9, .45 and .225 of the first pass .2
    pairs = found.overlapping_pairs()
    assert found.image_index[pairs[:, 0]].tolist() == [0, 0]
    assert pairs.tolist() == [[0, 2], [2, 0]]


def test_overlapping_pairs_after_a_lowered_threshold_in_the_detectors_coordinates() -> None:
    """The same boxes overlap in pixels of the image and in the detector's coordinates."""
    generator = torch.Generator().manual_seed(0)
    served = 0
    for _ in range(100):
        corners = torch.rand(3, 4, 2, generator=generator) * 150
        boxes = torch.cat([corners, corners + 25], dim=2)
        pairs = (found := seen(*boxes)).overlapping_pairs()
        for image, one in enumerate(boxes):
            kept = above_threshold(one, torch.ones(4, dtype=torch.long), 0.9 * 0.5 ** torch.arange(4))
            has_pair = bool((found.image_index[pairs[:, 0]] == image).any())
            assert has_pair or kept.threshold == SCORE_THRESHOLDS[-1]
            served += kept.threshold > SCORE_THRESHOLDS[-1]
    assert 50 < served < 250
