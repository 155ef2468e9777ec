"""The frozen detector: sizes, frames, detections with falling thresholds, copies of its box head."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.transform import resize_boxes as torchvision_resize

from sgg.detector.model import Detector, above_threshold, resize_boxes
from sgg.methods.backbone import BACKBONES
from sgg.models.box_head import BoxHead


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return Detector("tiny", 6)


@pytest.fixture
def images() -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(3, side, side, generator=generator) for side in (176, 100, 240))


@pytest.mark.parametrize(("backbone", "channels", "side"), [
    ("vgg16", 512, 38), ("resnet50", 256, 21), ("tiny", 32, 22)])
def test_features_is_the_global_map(backbone: str, channels: int, side: int) -> None:
    with torch.device("meta"):
        detector = Detector(backbone, 5)
    size = -(-detector.image_size // BACKBONES[backbone].spec.divisor) * BACKBONES[backbone].spec.divisor
    maps = detector.rcnn.backbone.to("meta")(torch.empty(1, 3, size, size, device="meta"))
    last = maps if isinstance(maps, torch.Tensor) else list(maps.values())[-1]
    assert last.shape == (1, channels, side, side)
    assert (detector.channels, detector.map_size, size // detector.stride) == (channels, side, side)


def test_features_of_images_of_any_size(detector, images) -> None:
    feature_map, frames = detector.features(images)
    assert feature_map.shape == (3, detector.channels, 22, 22)
    assert all(174 <= side <= 176 for frame in frames for side in frame)
    alone, _ = detector.features(images[1:2])
    torch.testing.assert_close(alone[0], feature_map[1])


def test_outputs_of_levels_equal_those_of_floating_point(detector) -> None:
    """Levels are divided on the detector's device; images are smaller than, as large as, and larger than its own."""
    sides = (176, 100, 240)
    levels = [torch.randint(256, (3, side, side), generator=torch.Generator().manual_seed(side), dtype=torch.uint8)
              for side in sides]
    boxes = [torch.tensor([[10.0, 20.0, 60.0, 90.0]])] * 3
    wanted = ("object_logits", "detections")
    found, expected = (detector.outputs(images, sides, boxes, wanted)
                       for images in (levels, [torch.from_numpy(one.numpy() / np.float32(255)) for one in levels]))
    assert torch.equal(found.map, expected.map)
    assert torch.equal(found.object_logits, expected.object_logits)
    for one, other in zip(found.detections, expected.detections, strict=True):
        assert torch.equal(one.boxes, other.boxes)
        assert torch.equal(one.scores, other.scores)
    assert torch.equal(detector.features(levels).map, expected.map)
    with pytest.raises(ValueError, match=r"images must be uint8 .*got torch\.int64"):
        detector.features([levels[0].long()])


@pytest.mark.parametrize("side", [240, 267])
def test_outputs_does_not_resize_a_resized_square_again(detector, side) -> None:
    """A square of 267 pixels becomes one of 175; resizing that again would make it 176. Where the resized levels need
    no rounding, here because they are one colour, the outputs are those of the whole square."""
    assert detector.frame_of(side) == {240: 176, 267: 175}[side]
    boxes = [torch.tensor([[10.0, 20.0, 60.0, 90.0]])]
    whole, resized = (torch.tensor([20, 90, 200], dtype=torch.uint8)[:, None, None].expand(3, one, one).contiguous()
                      for one in (side, detector.frame_of(side)))
    found, expected = (detector.outputs([image], [side], boxes, ("object_logits",))
                       for image in (resized, whole))
    torch.testing.assert_close(found.map, expected.map)
    torch.testing.assert_close(found.object_logits, expected.object_logits)
    noise = torch.randint(256, resized.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    frame = detector.frame_of(side)
    normal = detector.rcnn.transform.normalize(noise / 255)
    padded = torch.nn.functional.pad(normal, (0, 176 - frame, 0, 176 - frame))
    assert torch.equal(detector.outputs([noise], [side]).map, detector.rcnn.backbone(padded[None]))


def test_features_pads_with_zeros_to_a_multiple_of_the_divisor() -> None:
    """VGG16's 592 pixels become 608 of torchvision's own, after normalisation: not the colour that made it square."""
    with torch.device("meta"):
        detector = Detector("vgg16", 5)
    padded, _ = detector.rcnn.transform([torch.full((3, 100, 100), 0.9)])
    assert padded.image_sizes == [(592, 592)]
    assert padded.tensors.shape == (1, 3, 608, 608)
    assert (padded.tensors[..., :592, :592] > 1).all()
    assert (padded.tensors[..., 592:, :] == 0).all()
    assert (padded.tensors[..., 592:] == 0).all()


def test_train_keeps_the_detector_frozen(detector, images) -> None:
    around = nn.ModuleDict({"detector": detector, "rest": nn.Linear(2, 2)}).train()
    assert around["rest"].training
    assert not any(module.training for module in detector.modules())
    assert not any(weight.requires_grad for weight in detector.parameters())
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    assert not detector.features(images).map.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())


def test_resize_boxes_equals_torchvision() -> None:
    boxes = torch.rand(7, 4) * 100
    index = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    before, after = [(100, 100), (640, 480), (333, 500)], [(592, 592), (592, 444), (394, 592)]
    found = resize_boxes(boxes, index, before, after)
    for image in range(3):
        expected = torchvision_resize(boxes[index == image], before[image], after[image])
        torch.testing.assert_close(found[index == image], expected)


@pytest.mark.parametrize(("scores", "places", "kept", "threshold"), [
    ([0.9, 0.5, 0.1], "aaa", 2, 0.2),
    ([0.9, 0.1, 0.06, 0.03], "aaaa", 3, 0.05),   # one object at .2
    ([0.04, 0.02, 0.011], "aaa", 3, 0.01),
    ([0.3, 0.02], "aa", 2, 0.01),
    ([0.3], "a", 1, 0.01),                       # nothing more to find
    ([], "", 0, 0.01),
    ([0.9, 0.8, 0.7, 0.1], "abcb", 4, 0.05),     # three objects at .2, but apart
    ([0.9, 0.8, 0.1, 0.06, 0.02], "abcda", 5, 0.01),
    ([0.9, 0.8, 0.1, 0.02], "abcd", 4, 0.01),    # they never meet
    ([0.9, 0.8, 0.1], "baa", 3, 0.05),           # the two that meet are not the best
])
def test_above_threshold_falls_until_two_objects_overlap(scores, places, kept, threshold) -> None:
    """Objects at one place overlap, those at others do not."""
    count = len(scores)
    corners = torch.tensor([[10.0 * ord(place) + 0.1 * row, 0.0] for row, place in enumerate(places)]).reshape(-1, 2)
    found = above_threshold(torch.cat([corners, corners + 9], dim=1), torch.ones(count, dtype=torch.long),
                            torch.tensor(scores))
    assert (len(found.boxes), len(found.labels), len(found.scores)) == (kept, kept, kept)
    assert found.threshold == threshold


def test_above_threshold_equals_a_pass_per_threshold(detector, images) -> None:
    """torchvision run anew with each threshold, as docs/SYSTEM.md section 2 has it; scores sharp enough to matter."""
    predictor = detector.rcnn.roi_heads.box_predictor.cls_score
    initial = predictor.weight.clone()
    try:
        predictor.weight.mul_(150)
        found, features = detector.detect(images)
        torch.testing.assert_close(features.map, detector.features(images).map)
        thresholds = set()
        for index, one in enumerate(found):
            for threshold in (0.2, 0.05, 0.01):
                detector.rcnn.roi_heads.score_thresh = threshold
                expected = detector.rcnn(list(images))[index]
                if any(share_area(*pair) for pair in combinations(expected["boxes"].tolist(), 2)):
                    break
            assert one.threshold == threshold
            thresholds.add(threshold)
            torch.testing.assert_close(one.boxes, expected["boxes"])
            assert torch.equal(one.labels, expected["labels"])
            torch.testing.assert_close(one.scores, expected["scores"])
            assert len(one.boxes) <= 50
    finally:
        detector.rcnn.roi_heads.score_thresh = 0.01
        predictor.weight.copy_(initial)


def share_area(a: list[float], b: list[float]) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def test_classify_given_boxes(detector, images) -> None:
    boxes = torch.tensor([[10.0, 10, 60, 60], [20, 30, 90, 80], [5, 5, 40, 90]])
    index = torch.tensor([0, 0, 2])
    scores = detector.classify(images, boxes, index)
    assert scores.shape == (3, 6)
    torch.testing.assert_close(scores.sum(1), torch.ones(3))
    torch.testing.assert_close(detector.classify(images[2:], boxes[2:], torch.tensor([0])), scores[2:])


def test_box_head_copy(detector) -> None:
    pooled = torch.rand(4, 32, 7, 7)
    source = detector.rcnn.roi_heads.box_head
    for role in ("node", "edge"):
        copy = detector.box_head_copy(role)
        torch.testing.assert_close(copy(pooled), source(pooled))
        assert all(weight.requires_grad for weight in copy.parameters())
        next(copy.parameters()).data.add_(1)
    assert not torch.allclose(detector.box_head_copy("node")(pooled), copy(pooled))
    with pytest.raises(ValueError, match="role must be node or edge, got 'union'"):
        detector.box_head_copy("union")


def test_box_head_copy_of_vgg_has_dropout_and_a_linear_edge_head() -> None:
    with torch.device("meta"):
        detector = Detector("vgg16", 5)
        node, edge = detector.box_head_copy("node"), detector.box_head_copy("edge")
    assert (node.dropout, node.final_relu, edge.dropout, edge.final_relu) == (0.5, True, 0.5, False)


def test_box_head_copy_equals_its_layers() -> None:
    torch.manual_seed(0)
    head, pooled = BoxHead(2 * 49, 5, dropout=0.5, final_relu=False), torch.randn(6, 2, 7, 7)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(98, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 5))
    layers[1].load_state_dict(head.fc6.state_dict())
    layers[4].load_state_dict(head.fc7.state_dict())
    torch.testing.assert_close(head.eval()(pooled), layers.eval()(pooled))
    torch.manual_seed(3)
    dropped = head.train()(pooled)
    torch.manual_seed(3)
    torch.testing.assert_close(dropped, layers.train()(pooled))
    two_layers = TwoMLPHead(98, 5)
    plain = BoxHead(98, 5)
    plain.load_state_dict(two_layers.state_dict())
    torch.testing.assert_close(plain(pooled), two_layers(pooled))


def test_build_rcnn_refuses_an_unknown_backbone() -> None:
    with pytest.raises(ValueError, match="backbone must be one of vgg16, resnet50, resnext101, tiny, got 'vgg19'"):
        Detector("vgg19", 5)
