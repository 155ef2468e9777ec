"""Published weights: each lands where it belongs, every fault is named at once, nothing but tensors is read."""

import pickle
import random

import pytest
import torch
from torch import nn

from sgg.checkpoint import load_published
from sgg.checkpoint.full_model import FullModel
from sgg.detector.coco_weights import load_coco
from sgg.detector.model import Detector
from sgg.detector.published import rename_torchvision
from sgg.gan import GAN
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.published import SCENE_GRAPH, rename_scene_graph
from sgg.models.roi_features import RoIFeatures
from sgg.models.scene_graph import SceneGraphModel

CLASSES, PREDICATES = 6, 4


def build(bias: bool = True) -> FullModel:
    detector = Detector("tiny", CLASSES)
    scene_graph = SceneGraphModel(
        RoIFeatures(detector.channels, 1 / detector.stride), detector.box_head_copy("node"),
        detector.box_head_copy("edge"), MessagePassing(detector.head_dim, 8, CLASSES, PREDICATES),
        FrequencyBias(torch.zeros(CLASSES, CLASSES, PREDICATES)) if bias else None, "add" if bias else "off")
    return FullModel(detector, scene_graph)


@pytest.fixture
def model() -> FullModel:
    torch.manual_seed(0)
    return build()


def published(model: FullModel) -> dict[str, torch.Tensor]:
    """The model's weights under published names, each moved by 1 so that a loaded one is told from one that stayed."""
    back = {ours: theirs for theirs, ours in reversed(SCENE_GRAPH.items())}
    weights = {f"detector.{name}": value + 1 for name, value in model.detector.rcnn.state_dict().items()}
    for name, value in model.scene_graph.state_dict().items():
        ours = next(prefix for prefix in back if name.startswith(prefix))
        weights[back[ours] + name.removeprefix(ours)] = value + 1
    return weights


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def save(path, **content) -> str:
    torch.save(content, path)
    return path


def test_load_published_loads_every_weight(model, tmp_path) -> None:
    before = state(model)
    load_published(save(tmp_path / "vgrel.pth", state_dict=published(model)), model)
    for name, value in state(model).items():
        torch.testing.assert_close(value, before[name] + 1, msg=name)
    load_published(save(tmp_path / "vgrel.pth", state_dict=published(model)), model.detector)
    load_published(tmp_path / "vgrel.pth", model.scene_graph)
    for name, value in state(model).items():
        torch.testing.assert_close(value, before[name] + 2, msg=name)


def test_load_published_names_every_fault_at_once(model, tmp_path) -> None:
    weights = published(model)
    del weights["obj_unary.bias"], weights["detector.rpn.head.cls_logits.bias"]
    weights["obj_fc.weight"] = torch.zeros(151, 8)
    weights["extra"] = weights["detector.extra"] = torch.zeros(1)
    before = state(model)
    path = save(tmp_path / "vgrel.pth", state_dict=weights)
    with pytest.raises(ValueError, match="does not fit the model") as error:
        load_published(path, model)
    assert str(error.value).splitlines() == [
        f"{path} does not fit the model:",
        "  missing rpn.head.cls_logits.bias (detector.rpn.head.cls_logits.bias)", "  unexpected detector.extra",
        "  missing relation_head.node_input.bias (obj_unary.bias)", "  unexpected extra",
        "  obj_fc.weight has shape [151, 8], expected [6, 8]"]
    assert all(torch.equal(value, before[name]) for name, value in state(model).items())


def test_load_published_names_a_missing_weight_by_all_its_names(model, tmp_path) -> None:
    """Box heads are numbered with VGG16 and named with ResNet-50; the GAN's names are translated one way only."""
    weights = published(model)
    del weights["roi_fmap.fc7.bias"]
    path = save(tmp_path / "vgrel.pth", state_dict=weights, gan={"extra": torch.zeros(1)})
    with torch.device("meta"):
        gan = GAN(CLASSES, PREDICATES, 32, 22, levels=("nodes", "edges"))
    with pytest.raises(ValueError, match="does not fit the model") as error:
        load_published(path, model, gan)
    said = str(error.value).splitlines()[1:]
    assert said[0] == "  missing edge_box_head.fc7.bias (roi_fmap.1.3.bias or roi_fmap.fc7.bias)"
    assert "  missing generator.class_embedding.weight (our name)" in said
    assert said[-1] == "  unexpected extra"


def test_load_published_names_an_unexpected_frequency_bias(model, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"unexpected freq_bias\.obj_baseline\.weight"):
        load_published(save(tmp_path / "vgrel.pth", state_dict=published(model)), build(bias=False))


def test_load_published_accepts_names_of_older_torchvision() -> None:
    """The renamings of torchvision 0.13, one of each kind; today's names stay."""
    for old, today in {
        "rpn.head.conv.weight": "rpn.head.conv.0.0.weight",
        "backbone.fpn.inner_blocks.2.bias": "backbone.fpn.inner_blocks.2.0.bias",
        "backbone.fpn.layer_blocks.0.weight": "backbone.fpn.layer_blocks.0.0.weight",
        "roi_heads.mask_head.mask_fcn3.bias": "roi_heads.mask_head.2.0.bias",
    }.items():
        assert rename_torchvision(old) == today
        assert rename_torchvision(today) == today
        assert rename_scene_graph(old) == old


def motifs(backbone: Detector) -> dict[str, torch.Tensor]:
    """Neural Motifs' layout, with weights that take no memory; its proposal network has 20 anchors."""
    rcnn = backbone.rcnn.state_dict()
    names = {"features.": "backbone.",
             "roi_fmap.0.": "roi_heads.box_head.fc6.", "roi_fmap.3.": "roi_heads.box_head.fc7.",
             "score_fc.": "roi_heads.box_predictor.cls_score.", "bbox_fc.": "roi_heads.box_predictor.bbox_pred.",
             "rpn_head.conv.0.": "rpn.head.conv.0.0."}
    weights = {theirs + name.removeprefix(ours): torch.zeros(()).expand(value.shape)
               for theirs, ours in names.items() for name, value in rcnn.items() if name.startswith(ours)}
    return weights | {"rpn_head.conv.2.weight": torch.zeros(120, 512, 1, 1), "rpn_head.conv.2.bias": torch.zeros(120)}


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
def test_load_published_of_motifs_fills_detector_and_box_heads(tmp_path) -> None:
    with torch.device("meta"):
        detector = Detector("vgg16", 151)
        scene_graph = SceneGraphModel(RoIFeatures(512, 1 / 16), detector.box_head_copy("node"),
                                      detector.box_head_copy("edge"), MessagePassing(4096, 512, 151, 51))
    weights = motifs(detector)
    path = save(tmp_path / "vg-faster-rcnn.tar", epoch=1, state_dict=weights)
    load_published(path, FullModel(detector, scene_graph))
    load_published(path, detector)
    del weights["roi_fmap.3.bias"], weights["features.28.weight"]
    path = save(tmp_path / "vg-faster-rcnn.tar", epoch=1, state_dict=weights)
    with pytest.raises(ValueError, match="does not fit") as error:
        load_published(path, FullModel(detector, scene_graph))
    assert str(error.value).splitlines()[1:] == [
        "  missing backbone.28.weight (features.28.weight)", "  missing roi_heads.box_head.fc7.bias (roi_fmap.3.bias)",
        "  missing node_box_head.fc7.bias (roi_fmap.3.bias)", "  missing edge_box_head.fc7.bias (roi_fmap.3.bias)"]


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
def test_load_published_names_tensors_that_are_left_out(model, tmp_path, caplog) -> None:
    """Neural Motifs' anchors; parts that are not asked for; states of optimisers."""
    with torch.device("meta"):
        detector = Detector("vgg16", 151)
    momentum = {"state": {0: {"momentum_buffer": torch.zeros(2)}, 1: {"momentum_buffer": torch.zeros(3)}}}
    path = save(tmp_path / "vg-faster-rcnn.tar", epoch=1, state_dict=motifs(detector), optimizer=momentum)
    names = ["rpn_head.conv.2.weight", "rpn_head.conv.2.bias", "optimizer (2 tensors)"]
    assert load_published(path, detector) == names
    assert caplog.messages == [f"{path}: left out {', '.join(names)}"]

    weights = published(model)
    path = save(tmp_path / "vgrel.pth", state_dict=weights, gan={"G_proj.bias": torch.zeros(1)})
    assert load_published(path, model.detector) == [
        *(name for name in weights if not name.startswith("detector.")), "G_proj.bias"]
    assert load_published(path, model.scene_graph) == [
        *(name for name in weights if name.startswith("detector.")), "G_proj.bias"]
    assert load_published(save(tmp_path / "vgrel.pth", state_dict=weights), model) == []


def test_load_published_names_two_names_of_one_weight(model, tmp_path) -> None:
    """Else the later one would silently take the place of the other."""
    weights = published(model)
    weights["roi_fmap.1.0.bias"] = weights["roi_fmap.fc6.bias"] + 1
    weights["detector.rpn.head.conv.bias"] = weights["detector.rpn.head.conv.0.0.bias"] + 1
    with pytest.raises(ValueError, match="does not fit the model") as error:
        load_published(save(tmp_path / "vgrel.pth", state_dict=weights), model)
    assert str(error.value).splitlines()[1:] == [
        "  detector.rpn.head.conv.0.0.bias and detector.rpn.head.conv.bias are names of the same weight, "
        "rpn.head.conv.0.0.bias",
        "  roi_fmap.fc6.bias and roi_fmap.1.0.bias are names of the same weight, edge_box_head.fc6.bias"]


class Trap:
    """Runs code when it is unpickled the careless way."""

    def __reduce__(self):
        return pickle.loads, (b"nonsense",)


def test_read_pickle_refuses_code(model, tmp_path) -> None:
    path = save(tmp_path / "vgrel.pth", state_dict=published(model), settings=Trap())
    with pytest.raises(ValueError, match=r"vgrel\.pth holds _?pickle\.loads, which is neither .*: refused"):
        load_published(path, model)


@pytest.mark.parametrize(("content", "message"), [
    ([1, 2], "must hold a mapping, but holds a list"),
    ({"weights": {}}, "'state_dict' must be a mapping of names to tensors, got NoneType"),
    ({"state_dict": {"a": 1}}, "must map names to tensors, but 'a' is a int"),
    ({"state_dict": {"a": torch.zeros(1)}, "gan": [1]}, "'gan' must be a mapping of names to tensors, got list"),
])
def test_load_published_refuses_other_content(model, tmp_path, content, message) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=message):
        load_published(tmp_path / "x.pth", model)


@pytest.mark.filterwarnings("ignore:.*quantize", "ignore:TypedStorage", "ignore:Validating sparse")
@pytest.mark.parametrize(("odd", "kind"), [
    (lambda value: value.to_sparse(), "torch.sparse_coo"), (lambda value: value.to("meta"), "meta"),
    (lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8), "quantized")])
def test_load_published_refuses_other_kinds_of_tensors(model, tmp_path, odd, kind) -> None:
    weights = published(model)
    path = save(tmp_path / "vgrel.pth", state_dict=weights | {"obj_fc.weight": odd(weights["obj_fc.weight"])})
    for load, into in ((load_published, model), (load_coco, model.detector)):
        if load is load_coco:
            torch.save(torch.load(path, weights_only=True)["state_dict"], path)
        with pytest.raises(ValueError, match=f"must hold plain tensors, but 'obj_fc.weight' is a {kind} one"):
            load(path, into)


def test_load_published_names_unusable_values(model, tmp_path) -> None:
    weights, before = published(model), state(model)
    weights["obj_fc.weight"][2, 3] = float("nan")
    weights["rel_fc.bias"] = torch.full((PREDICATES,), 1e300, dtype=torch.float64)  # finite there, but not here
    weights["obj_unary.bias"] = torch.full((8,), 3e38)  # finite, and their sum is not
    kinds = {"rel_fc.weight": torch.int64, "obj_fc.bias": torch.complex64,
             "detector.backbone.1.num_batches_tracked": torch.float32}
    for path, content, faults in (
            ("infinite.pth", weights, ["obj_fc.weight has values that are not finite",
                                       "rel_fc.bias has values that are not finite"]),
            ("kinds.pth", weights | {name: weights[name].to(kind) for name, kind in kinds.items()},
             ["detector.backbone.1.num_batches_tracked is of torch.float32, expected torch.int64",
              "obj_fc.bias is of torch.complex64, expected torch.float32",
              "rel_fc.weight is of torch.int64, expected torch.float32"])):
        with pytest.raises(ValueError, match="does not fit the model") as error:
            load_published(save(tmp_path / path, state_dict=content), model)
        assert sorted(str(error.value).splitlines()[1:]) == [f"  {fault}" for fault in faults]
    assert all(torch.equal(value, before[name]) for name, value in state(model).items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_load_published_accepts_other_float_types(model, tmp_path, dtype) -> None:
    weights = published(model)
    weights["obj_fc.weight"] = torch.full((CLASSES, 8), 2.0, dtype=dtype)
    load_published(save(tmp_path / "vgrel.pth", state_dict=weights), model)
    assert (model.scene_graph.relation_head.classify_nodes.weight == 2).all()


def test_load_published_names_wrong_arguments(model, tmp_path) -> None:
    path = save(tmp_path / "vgrel.pth", state_dict=published(model), epoch=3)
    with pytest.raises(FileNotFoundError, match=r"absent\.pth is missing"):
        load_published(tmp_path / "absent.pth", model)
    with pytest.raises(TypeError, match="model must be a Detector, a SceneGraphModel, or have both"):
        load_published(path, nn.Linear(1, 1))
    with pytest.raises(ValueError, match="was trained without a GAN: it has no 'gan', only state_dict, epoch"):
        load_published(path, model, gan=nn.Identity())


@pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:Defining your")
@pytest.mark.parametrize("zipped", [True, False], ids=["today's format", "the format before torch 1.6"])
def test_read_pickle_of_damaged_files_raises_value_error(model, tmp_path, zipped) -> None:
    """A thousand files, cut off or with a few bytes changed: each is refused by a ValueError, or loads."""
    small = {"state_dict": {"a.weight": torch.arange(4.0), "b": torch.ones(2, 2)}, "epoch": 1}
    path = tmp_path / "x.pth"
    torch.save(small, path, _use_new_zipfile_serialization=zipped)
    whole, dice = path.read_bytes(), random.Random(0)
    refused = 0
    for trial in range(500):
        damaged = bytearray(whole)
        if trial % 5 == 0:
            damaged = damaged[:dice.randrange(len(damaged))]
        else:
            for _ in range(dice.randint(1, 8)):
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"x\.pth"):  # where it can still be read, it fits no model
            load_published(path, model)
        refused += 1
    assert refused == 500


def test_load_coco_keeps_the_layers_of_classes_random(tmp_path) -> None:
    torch.manual_seed(0)
    of_coco, ours = Detector("tiny", 91), Detector("tiny", CLASSES)
    weights = {name.replace("rpn.head.conv.0.0.", "rpn.head.conv."): value
               for name, value in of_coco.rcnn.state_dict().items()}
    weights["roi_heads.mask_predictor.mask_fcn_logits.weight"] = torch.zeros(91, 256, 1, 1)
    torch.save(weights, tmp_path / "coco.pth")
    before = state(ours.rcnn)
    load_coco(tmp_path / "coco.pth", ours)
    for name, value in ours.rcnn.state_dict().items():
        source = before if "box_predictor" in name else of_coco.rcnn.state_dict()
        assert torch.equal(value, source[name]), name
    weights.pop("rpn.head.conv.weight")
    torch.save(weights, tmp_path / "coco.pth")
    with pytest.raises(ValueError, match=r"missing rpn\.head\.conv\.0\.0\.weight"):
        load_coco(tmp_path / "coco.pth", ours)
