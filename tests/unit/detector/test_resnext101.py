"""ResNeXt-101 with a feature pyramid: anchors, boxes with their last pixel, pixel values, a model on its pyramid."""

from collections.abc import Iterator

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign

from sgg.config import ConfigError, validate
from sgg.detector.backbones.resnext101.anchors import PyramidAnchors, cell_anchors
from sgg.detector.backbones.resnext101.pooling import PyramidRoIAlign
from sgg.detector.model import Detector
from sgg.methods.backbone import BACKBONES
from sgg.models.pyramid import unpack
from sgg.structures import Batch
from sgg.systems.two_stage.encoding import encode_annotated
from sgg.systems.two_stage.extraction import Extraction
from sgg.systems.two_stage.model import build_model
from sgg.systems.two_stage.predictor import TwoStagePredictor
from tests.plugins import PYRAMID, loaded


@pytest.fixture(scope="module")
def detector(tmp_path_factory) -> Iterator[Detector]:
    with loaded(tmp_path_factory.mktemp("plugin") / "pyramid.py", PYRAMID):
        torch.manual_seed(0)
        yield Detector("small_pyramid", 6)


def one_image(height: int = 60, width: int = 80) -> Batch:
    side = max(height, width)
    return Batch((torch.rand(3, side, side, generator=torch.Generator().manual_seed(0)),),
                 torch.tensor([[height, width]]),
                 torch.tensor([[5.0, 5, 40, 50], [30, 10, 70, 55], [8, 30, 30, 58]]), torch.tensor([3, 2, 1]),
                 torch.tensor([0, 0, 0]), torch.tensor([[0, 0, 1, 2]]), ("1",))


def test_cell_anchors_by_hand() -> None:
    """A cell of 4 pixels has an area of 16. Shape .2323: width round(sqrt(16 / .2323)) = 8, height round(8 x .2323) =
    2; both times 32 / 4; centre 1.5. So x from 1.5 - 31.5 to behind 1.5 + 31.5, y from 1.5 - 7.5 to behind 1.5 + 7.5.
    """
    assert cell_anchors(32, 4).tolist() == [[-30, -6, 34, 10], [-18, -10, 22, 14], [-14, -18, 18, 22],
                                            [-6, -22, 10, 26]]


def test_pyramid_anchors_stand_on_each_cell() -> None:
    from torchvision.models.detection.image_list import ImageList

    maps = [torch.zeros(1, 1, 128 // stride, 128 // stride) for stride in (4, 8, 16, 32, 64)]
    (found,) = PyramidAnchors()(ImageList(torch.zeros(1, 3, 128, 128), [(128, 128)]), maps)
    assert len(found) == 4 * (32**2 + 16**2 + 8**2 + 4**2 + 2**2)
    torch.testing.assert_close(found[4:8], cell_anchors(32, 4) + torch.tensor([4.0, 0, 4, 0]))
    torch.testing.assert_close(found[-4:], cell_anchors(512, 64) + 64)


def test_pyramid_roi_align_takes_the_last_pixel_off() -> None:
    levels = {str(number): torch.randn(1, 2, 64 >> number, 64 >> number) for number in range(4)}
    boxes = torch.tensor([[3.0, 4, 51, 61], [10, 20, 201, 180]])
    found = PyramidRoIAlign(4, 4)(levels, [boxes], [(256, 256)])
    expected = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)(
        levels, [boxes - torch.tensor([0.0, 0, 1, 1])], [(256, 256)])
    torch.testing.assert_close(found, expected)


def test_detector_takes_levels_of_0_to_255_less_their_mean() -> None:
    with torch.device("meta"):
        transform = Detector("resnext101", 5).rcnn.transform
    pixels = torch.rand(3, 4, 4)
    expected = 255 * pixels - torch.tensor([122.7717, 115.9465, 102.9801])[:, None, None]
    torch.testing.assert_close(transform.normalize(pixels), expected, rtol=1e-5, atol=1e-4)


def test_detector_boxes_have_their_last_pixel(detector, monkeypatch) -> None:
    """What torchvision's heads find ends behind the last pixel; what is given to them is made to."""
    view = detector._view(torch.rand(3, 128, 128))
    found = [{"boxes": torch.tensor([[10.0, 20, 41, 51]]), "labels": torch.tensor([1]), "scores": torch.tensor([0.9])}]
    monkeypatch.setattr(detector.rcnn.roi_heads, "forward", lambda *_: (found, {}))
    assert detector._detect(view, (128, 128), False).boxes.tolist() == [[10, 20, 40, 50]]
    seen = []
    monkeypatch.setattr(detector.rcnn.roi_heads.box_roi_pool, "forward",
                        lambda pyramid, boxes, sizes: seen.append(boxes[0]) or torch.zeros(1, 256, 7, 7))
    detector._logits(view, torch.tensor([[10.0, 20, 40, 50]]))
    assert seen[0].tolist() == [[10, 20, 41, 51]]


def test_features_are_the_levels_of_the_pyramid(detector) -> None:
    image = torch.rand(3, 128, 128)
    packed = detector.features([image]).map
    assert packed.shape == (1, *detector.map_shape) == (1, 256, 32, 48)
    levels = list(detector._view(image).pyramid.values())
    for level, found in zip(levels, unpack(packed, 4), strict=False):
        torch.testing.assert_close(found, level)


def test_encoding_has_the_size_of_the_image_in_its_square(detector) -> None:
    """80 pixels become 128, so 60 become 96."""
    torch.testing.assert_close(encode_annotated(detector, one_image()).image_sizes, torch.tensor([[96.0, 128.0]]))


@pytest.mark.parametrize("head", ["motifs", "imp"])
def test_a_model_on_a_pyramid_predicts_and_learns(detector, head: str) -> None:
    config = validate({"data": {"name": "toy"}, "detector": {"backbone": "small_pyramid"},
                       "model": {"head": head, "edge_boxes": "image_cells", "box_strides": "intended"}})
    words = torch.randn(6, 200), torch.randn(4, 200)
    model = build_model(config, detector, (6, 4), words if config.model.head.needs_words else None, None)
    predictor = TwoStagePredictor(model, detector)
    with predictor.evaluating():
        found = predictor.predict(one_image(), ["sgcls", "predcls"]).predictions
    assert all(one.predicate_scores.shape == (6, 4) and torch.isfinite(one.predicate_scores).all()
               for (one,) in found.values())
    encoding = encode_annotated(detector, one_image(), model.needs)
    pairs = torch.tensor([[0, 1], [1, 0]])
    nodes, edges = model.features(encoding.map, encoding.boxes, encoding.image_index, pairs)
    outputs = model(nodes, edges, encoding.boxes, encoding.image_index, pairs, encoding.image_sizes, "predcls",
                    torch.tensor([3, 2, 1]), detector_logits=encoding.logits)
    outputs.predicate_logits.sum().backward()
    assert model.edge_box_head.reduce.weight.grad.abs().sum() > 0


def test_predict_in_parts_equals_one_part(detector, monkeypatch) -> None:
    from sgg.models import pair_parts

    config = validate({"data": {"name": "toy"}, "detector": {"backbone": "small_pyramid"}})
    predictor = TwoStagePredictor(build_model(config, detector, (6, 4), None, None), detector)
    with predictor.evaluating():
        whole = predictor.predict(one_image(), ["sgcls"]).predictions["sgcls"][0]
        monkeypatch.setattr(pair_parts, "PART_BYTES", 4 * 4 * 256 * 49 * 4)
        parts = predictor.predict(one_image(), ["sgcls"]).predictions["sgcls"][0]
    torch.testing.assert_close(parts.predicate_scores, whole.predicate_scores)


def test_what_needs_a_single_map_is_refused(detector) -> None:
    for kind in ("gan", "feature_mixing"):
        refusal = rf"augmentation\.kind {kind} cannot be combined with detector\.backbone resnext101"
        with pytest.raises(ConfigError, match=refusal):
            validate({"data": {"name": "toy"}, "detector": "resnext101", "augmentation": kind})
    with pytest.raises(ValueError, match=r"detector\.backbone small_pyramid has a feature pyramid"):
        Extraction(None, None, detector, "")


def test_backbone_at_full_size() -> None:
    """Levels of 208, 104, 52 and 26 cells, each half of the one before, and one of 13."""
    spec = BACKBONES["resnext101"]().spec
    assert spec.map_shape(800) == (256, 208, 312)
    with torch.device("meta"):
        maps = Detector("resnext101", 151).rcnn.backbone.to("meta")(torch.empty(1, 3, 832, 832, device="meta"))
    assert [level.shape[-1] for level in maps.values()] == [208, 104, 52, 26, 13]
