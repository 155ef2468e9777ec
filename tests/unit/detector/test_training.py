"""Pre-training: it lowers the loss, resumes bitwise, trains once per data and settings, keeps what it made whole."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sgg.detector import ensure_detector, load_detector, pretrain, save_detector
from sgg.detector.backbones.resnet50 import ResNet50
from sgg.detector.backbones.tiny import Tiny
from sgg.detector.backbones.vgg16 import VGG16
from sgg.detector.cache import cache_path, train_into
from sgg.detector.layout import METADATA
from sgg.detector.model import Detector
from sgg.detector.recipe import Phase, heads
from sgg.detector.training import STATE


def fresh() -> Detector:
    torch.manual_seed(0)
    return Detector("tiny", 25)


def weights(detector: Detector) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in detector.state_dict().items()}


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop_after", [1, 2])
def test_pretrain_resumes_with_the_same_result(data, tmp_path, monkeypatch, stop_after) -> None:
    """Three epochs at a stretch equal one or two (the end of the first phase) and the rest."""
    recipe, part = Tiny(epochs=3, batch_size=8).recipe(), data.split("detector")
    whole = fresh()
    state = torch.random.get_rng_state()
    pretrain(whole, part, recipe, tmp_path / "whole")
    assert torch.equal(torch.random.get_rng_state(), state), "training must leave the caller's random state alone"
    assert not any(module.training for module in whole.modules())

    import sgg.detector.training as training
    write, written = training.write_state, []

    def write_and_stop(path, state) -> None:
        write(path, state)
        written.append(state["epochs"])
        if len(written) == stop_after:
            raise Stopped

    monkeypatch.setattr(training, "write_state", write_and_stop)
    with pytest.raises(Stopped):
        pretrain(fresh(), part, recipe, tmp_path / "parts")
    resumed = Detector("tiny", 25)
    pretrain(resumed, part, recipe, tmp_path / "parts")
    assert written == [1, 2, 3]
    assert_same(weights(whole), weights(resumed))


def test_pretrain_refuses_a_state_with_other_settings(data, tmp_path) -> None:
    part = data.split("detector")
    pretrain(fresh(), part, Tiny(epochs=1).recipe(), tmp_path)
    with pytest.raises(ValueError, match=r"training\.pt was written with other settings"):
        pretrain(fresh(), part, Tiny(epochs=2).recipe(), tmp_path)
    (tmp_path / STATE).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"training\.pt is not a file of torch weights.*; delete it"):
        pretrain(fresh(), part, Tiny(epochs=1).recipe(), tmp_path)


@pytest.mark.parametrize(("spoil", "message"), [
    ({"weights": None}, r"weights must be of type dict, got None; delete it to start again"),
    ({"weights": {"a": torch.zeros(1)}}, r"training\.pt does not fit the model:\n  missing backbone[^;]*; delete it"),
    ({"optimizer": {}}, r"'optimizer': state is missing, param_groups is missing; delete it"),
    ({"epochs": -1}, r"epochs must be 1 to 2, got -1; delete it"),
])
def test_pretrain_refuses_a_damaged_state(data, tmp_path, spoil, message) -> None:
    part, recipe = data.split("detector"), Tiny(epochs=2).recipe()
    pretrain(fresh(), part, recipe, tmp_path)
    torch.save(torch.load(tmp_path / STATE, weights_only=True) | spoil, tmp_path / STATE)
    with pytest.raises(ValueError, match=message):
        pretrain(fresh(), part, recipe, tmp_path)


def test_pretrain_refuses_a_state_of_other_data_or_another_start(data, tmp_path, monkeypatch) -> None:
    """What was begun on one data set must not be finished on another and be told to be of the other alone."""
    import sgg.detector.training as training
    write, settings = training.write_state, Tiny(epochs=2)

    def write_and_stop(path, state) -> None:
        write(path, state)
        raise Stopped

    monkeypatch.setattr(training, "write_state", write_and_stop)
    with pytest.raises(Stopped):
        train_into(tmp_path / "d", data, settings)
    monkeypatch.setattr(training, "write_state", write)
    torch.save(Detector("tiny", 91).rcnn.state_dict(), tmp_path / "coco.pth")
    others = replace(data, predicates=[*data.predicates[:-1], "other"])
    larger = replace(data, classes=[*data.classes, "unicorn"])
    for other, start, named in ((others, None, f"data_hash {data.hash}, not {others.hash}; delete"),
                                (larger, None, "num_classes 25, not 26; data_hash"),
                                (data, tmp_path / "coco.pth", "start_hash None, not [0-9a-f]{16}; delete")):
        with pytest.raises(ValueError, match=rf"training\.pt was written with other settings: {named}"):
            train_into(tmp_path / "d", other, settings, start=start)
    train_into(tmp_path / "d", data, settings)
    assert load_detector(tmp_path / "d")[1]["data_hash"] == data.hash


def test_pretrain_refuses_a_state_of_another_backbone(data, tmp_path) -> None:
    """The recipes of VGG16 and ResNet-50 are equal."""
    recipe = VGG16(epochs=1).recipe()
    assert recipe.to_json() == ResNet50(epochs=1).recipe().to_json()
    with torch.device("meta"):
        vgg16, resnet50 = Detector("vgg16", 25), Detector("resnet50", 25)
    settings = recipe.to_json() | {"backbone": "vgg16", "num_classes": 25, "image_size": vgg16.image_size}
    torch.save({"weights": {}, "optimizer": {"state": {}, "param_groups": []}, "epochs": 1, "settings": settings},
               tmp_path / STATE)
    with pytest.raises(ValueError, match="other settings: backbone vgg16, not resnet50; image_size 592, not 1333"):
        pretrain(resnet50, data.split("detector"), recipe, tmp_path)


def test_pretrain_names_a_loss_that_is_not_finite(data, tmp_path) -> None:
    detector = fresh()
    detector.rcnn.roi_heads.box_predictor.cls_score.bias.data[3] = float("nan")
    with pytest.raises(FloatingPointError, match=r"not finite in epoch 1, step 1 \(naming nan\): try a lower .*, "
                                                 r"or check the images of this batch: \d+, \d+"):
        pretrain(detector, data.split("detector"), Tiny(epochs=1).recipe(), tmp_path)
    assert not (tmp_path / STATE).exists()


def thinned(part, images, width):
    """The part, the boxes of its first `images` images made so thin."""
    annotations = part.annotations
    boxes = annotations.boxes.copy()
    boxes[:annotations.box_ptr[images], 2] = boxes[:annotations.box_ptr[images], 0] + width
    return replace(part, annotations=replace(annotations, boxes=boxes))


@pytest.mark.parametrize("recipe", [
    Tiny(epochs=2, batch_size=1).recipe(),
    replace(Tiny(epochs=1, batch_size=2).recipe(), phases=(Phase(heads, (), 1.0),))])
def test_pretrain_leaves_out_boxes_thinner_than_a_pixel(data, tmp_path, caplog, recipe) -> None:
    """An image that has no other box makes no mean over nothing, which was NaN."""
    part = thinned(data.split("detector").head(2), 1, 0.9)
    detector = fresh()
    pretrain(detector, part, recipe, tmp_path)
    assert all(weight.isfinite().all() for weight in weights(detector).values())
    thin = int(part.annotations.box_ptr[1])
    assert f"detector epoch 1: {thin} boxes thinner than a pixel were left out" in caplog.text
    assert ("1 of 2 batches had no box to learn" in caplog.text) == (recipe.batch_size == 1)


def test_pretrain_refuses_data_without_a_box_to_learn(data, tmp_path) -> None:
    part = thinned(data.split("detector").head(1), 1, 0.9)
    with pytest.raises(ValueError, match=r"no image has a box to train a detector on: all are thinner than a pixel"):
        pretrain(fresh(), part, Tiny(epochs=1).recipe(), tmp_path)


def test_pretrain_lowers_every_loss(data, tmp_path, caplog) -> None:
    caplog.set_level("INFO")
    pretrain(fresh(), data.split("detector"), Tiny(epochs=9, batch_size=8).recipe(), tmp_path)
    said = [record.message for record in caplog.records if record.message.startswith("detector epoch")]
    losses = [dict(pair.split() for pair in line.split(": ")[1].split(", ")) for line in said]
    assert len(losses) == 9
    assert float(losses[4]["naming"]) < 0.8 * float(losses[0]["naming"])
    for name in ("loss_objectness", "loss_rpn_box_reg", "loss_classifier"):
        assert float(losses[8][name]) < float(losses[5][name])


def test_save_detector_and_load_detector(tmp_path) -> None:
    detector = fresh()
    metadata = save_detector(detector, tmp_path / "d", {"classes": ["a"]})
    again, read = load_detector(tmp_path / "d")
    assert read == metadata == json.loads((tmp_path / "d" / "detector.json").read_text())
    assert (read["backbone"], read["num_classes"], read["classes"]) == ("tiny", 25, ["a"])
    assert_same(weights(detector), weights(again))
    assert not any(weight.requires_grad for weight in again.parameters())
    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


def test_save_detector_respects_the_umask(tmp_path) -> None:
    before = os.umask(0o027)
    try:
        save_detector(fresh(), tmp_path / "d", {})
    finally:
        os.umask(before)
    assert {entry.stat().st_mode & 0o777 for entry in (tmp_path / "d").iterdir()} == {0o640}


def test_save_detector_replaces_only_a_detector(tmp_path) -> None:
    place = tmp_path / "d"
    save_detector(fresh(), place, {"classes": ["first"]})
    (place / ".weights.safetensors.99").write_text("left by a kill")
    save_detector(Detector("tiny", 9), place, {"classes": ["second"]})
    assert load_detector(place)[1]["classes"] == ["second"]
    (place / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"d holds other files \(notes\.txt\): name a new or an empty folder"):
        save_detector(fresh(), place, {})
    assert load_detector(place)[1]["num_classes"] == 9
    assert (place / "notes.txt").read_text() == "mine"


def test_save_detector_leaves_no_detector_after_a_kill(tmp_path, monkeypatch) -> None:
    """Old metadata never stand beside new weights."""
    save_detector(fresh(), tmp_path / "d", {})
    rename = os.replace

    def stop_at_metadata(source, target) -> None:
        if target.name == METADATA:
            raise Stopped
        rename(source, target)

    monkeypatch.setattr("os.replace", stop_at_metadata)
    with pytest.raises(Stopped):
        save_detector(Detector("tiny", 9), tmp_path / "d", {})
    with pytest.raises(FileNotFoundError, match=r"detector\.json is missing"):
        load_detector(tmp_path / "d")


def test_discard_state_keeps_other_files(data, tmp_path) -> None:
    unfinished = tmp_path / "d.unfinished"
    unfinished.mkdir()
    (unfinished / "notes.txt").write_text("mine")
    train_into(tmp_path / "d", data, Tiny(epochs=1))
    assert [entry.name for entry in unfinished.iterdir()] == ["notes.txt"]


def test_load_detector_names_damaged_files(tmp_path) -> None:
    save_detector(fresh(), tmp_path / "d", {})
    whole = (tmp_path / "d" / "weights.safetensors").read_bytes()
    (tmp_path / "d" / "weights.safetensors").write_bytes(whole[:1000])
    with pytest.raises(ValueError, match=r"weights\.safetensors cannot be read"):
        load_detector(tmp_path / "d")
    (tmp_path / "d" / "weights.safetensors").write_bytes(whole)
    metadata = json.loads((tmp_path / "d" / "detector.json").read_text())
    for content in ("{", "[]", json.dumps(metadata | {"format": 99}), json.dumps(metadata | {"backbone": "huge"})):
        (tmp_path / "d" / "detector.json").write_text(content)
        with pytest.raises(ValueError, match=r"detector\.json is not a detector's"):
            load_detector(tmp_path / "d")
    (tmp_path / "d" / "detector.json").write_text(json.dumps(metadata | {"num_classes": 9}))
    with pytest.raises(ValueError, match=r"box_predictor.cls_score.weight has shape \[25, 128\], expected \[9, 128\]"):
        load_detector(tmp_path / "d")
    with pytest.raises(FileNotFoundError, match=r"nowhere/detector\.json is missing: name a folder"):
        load_detector(tmp_path / "nowhere")


@pytest.mark.parametrize(("key", "value", "message"), [
    ("num_classes", -5, "is not a detector's: num_classes must be 2 to 1,000,000, got -5"),
    ("num_classes", 10**11, "is not a detector's: num_classes must be 2 to 1,000,000, got 100000000000"),
    ("num_classes", 10**6, r"weight has shape \[25, 128\], expected \[1000000, 128\]"),
    ("num_classes", "25", "is not a detector's: it: num_classes must be of type int, got '25'"),
    ("image_size", 10**9, "is not a detector's: image_size must be 16 to 10,000, got 1000000000"),
    ("image_size", 0, "is not a detector's: image_size must be 16 to 10,000, got 0"),
    ("hash", None, "is not a detector's: it: hash must be of type str, got None"),
    ("backbone", ["tiny"], "is not a detector's: it: backbone must be of type str"),
])
def test_load_detector_names_metadata_out_of_range(tmp_path, key, value, message) -> None:
    metadata = save_detector(fresh(), tmp_path / "d", {})
    (tmp_path / "d" / METADATA).write_text(json.dumps(metadata | {key: value}))
    with pytest.raises(ValueError, match=message):
        load_detector(tmp_path / "d")
    del metadata[key]
    (tmp_path / "d" / METADATA).write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=rf"detector\.json is not a detector's: it: {key} is missing"):
        load_detector(tmp_path / "d")


def test_ensure_detector_trains_another_for_other_settings_or_data(data, tmp_path) -> None:
    paths = {cache_path(tmp_path, data, one) for one in (Tiny(epochs=2), Tiny(learning_rate=0.1), VGG16(epochs=2))}
    assert len(paths) == 3


def test_ensure_detector_refuses_weights_that_do_not_fit(data, tmp_path) -> None:
    save_detector(fresh(), tmp_path / "fits", {"classes": data.classes})
    detector, digest = ensure_detector(data, tmp_path / "cache", Tiny(weights=tmp_path / "fits"))
    assert_same(weights(detector), weights(fresh()))
    assert digest == load_detector(tmp_path / "fits")[1]["hash"]
    with pytest.raises(ValueError, match=r"holds a tiny detector, but detector\.backbone is vgg16"):
        ensure_detector(data, tmp_path / "cache", VGG16(weights=tmp_path / "fits"))
    save_detector(fresh(), tmp_path / "others", {"classes": [*data.classes[:-1], "unicorn"]})
    with pytest.raises(ValueError, match=r"does not fit: it has 24 classes, toy 24; only .*; choose other weights"):
        ensure_detector(data, tmp_path / "cache", Tiny(weights=tmp_path / "others"))
    with pytest.raises(FileNotFoundError, match=r"absent\.tar is missing"):
        ensure_detector(data, tmp_path / "cache", Tiny(weights=Path(tmp_path / "absent.tar")))
    assert not (tmp_path / "cache").exists()
