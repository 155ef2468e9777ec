"""Predictions without data equal those of an evaluation on the data."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from sgg import checkpoint
from sgg.checkpoint import open_checkpoint
from sgg.checkpoint.__main__ import main as checkpoint_main
from sgg.config import validate
from sgg.data import open_dataset
from sgg.detector import save_detector
from sgg.detector.model import Detector
from sgg.methods.head import HEADS
from sgg.predict import GivenBoxes, Predictor, ScoredGraph
from sgg.predict.images import pixels_of
from sgg.structures import Prediction
from sgg.systems.contract import Vocabulary
from sgg.systems.two_stage import foundation as two_stage
from sgg.systems.two_stage import parts
from tests.untrained import untrained


def expected_triplets(prediction, top: int) -> list[tuple]:
    """By a sort of all triplets of one image: of each pair the best predicate."""
    found = prediction.numpy()
    triplets = []
    for (subject, other), scores in zip(found.pairs.tolist(), found.predicate_scores, strict=True):
        score, predicate = max((score, number) for number, score in enumerate(scores.tolist()) if number)
        triplets.append((score * found.label_scores[subject] * found.label_scores[other], subject, other, predicate))
    return sorted(triplets, reverse=True)[:top]


@pytest.mark.parametrize("model", [{"frequency_bias": "add"}, {"head": "motifs", "frequency_bias": "off"},
                                   {"head": {"kind": "causal", "context": "vctree", "effect": "tde"}}],
                         ids=["imp", "motifs", "causal"])
@pytest.mark.parametrize("mode", ["sgdet", "sgcls", "predcls"])
def test_predictor_equals_an_evaluation_on_the_data(tmp_path, write_trial, toy_root, model, mode) -> None:
    """With a head that needs word vectors, and with a frequency table: neither can be computed without the data."""
    foundation = write_trial(tmp_path / "trial", **model)
    split = foundation.experiment.split("val")
    (batch,) = foundation.experiment.evaluation_batches("val")
    system = foundation.build_predictor()
    open_checkpoint(tmp_path / "trial").load_weights(**system.networks)
    with system.evaluating():
        expected = system.predict(batch, [mode]).predictions[mode]
    graphs = batch.graphs()
    boxes = None if mode == "sgdet" else [
        GivenBoxes(graph.boxes.numpy(), graph.labels.numpy() if mode == "predcls" else None) for graph in graphs]
    found = Predictor(tmp_path / "trial", "cpu")([split.image_path(number) for number in range(3)], boxes, top=7,
                                                 once=False)
    assert any(len(graph.relations) for graph in found)
    for number, (graph, prediction) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(graph.boxes, prediction.boxes, atol=1e-3)
        np.testing.assert_array_equal(graph.labels, prediction.labels)
        triplets = expected_triplets(prediction, 7)
        np.testing.assert_allclose(graph.scores, [score for score, *_ in triplets], rtol=1e-4)
        assert graph.relations.tolist() == [list(triplet) for _, *triplet in triplets]
        assert graph.size == split.size(number)


def overlap(one, other) -> float:
    """Intersection over union of two boxes."""
    width, height = (min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]) for axis in (0, 1))
    common = max(0, width) * max(0, height)
    return common / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - common)


def test_best_of_keeps_the_best_of_each_object() -> None:
    """By a loop over objects in descending order of score, on boxes that often overlap."""
    draws = np.random.default_rng(0)
    low = draws.uniform(0, 20, (40, 2))
    boxes, labels = np.concatenate([low, low + draws.uniform(20, 60, (40, 2))], 1), draws.integers(1, 4, 40)
    scores, predicates = draws.uniform(size=40), draws.dirichlet(np.ones(3), 1560)
    pairs = np.array([(one, other) for one in range(40) for other in range(40) if one != other])
    overall = predicates[:, 1:].max(1) * scores[pairs].prod(1)
    order = np.argsort(-overall)
    prediction = Prediction(boxes, labels, scores, pairs[order], predicates[order])
    expected: list[int] = []
    for row in sorted(range(40), key=lambda row: -scores[row]):
        if not any(labels[row] == labels[other] and overlap(boxes[row], boxes[other]) > 0.5 for other in expected):
            expected.append(row)
    assert 3 < len(expected) < 38
    vocabulary = Vocabulary(("", "a", "b", "c"), ("", "on", "in"))
    graph = ScoredGraph.best_of(prediction, (100, 100), vocabulary, top=9, once=True)
    np.testing.assert_array_equal(graph.boxes, boxes[sorted(expected)])
    np.testing.assert_array_equal(graph.label_scores, scores[sorted(expected)])
    among = [row for row in order if set(pairs[row]) <= set(expected)][:9]
    np.testing.assert_allclose(graph.scores, overall[among])
    np.testing.assert_array_equal(np.array(sorted(expected))[graph.relations[:, :2]], pairs[among])


def test_predictor_finds_objects_within_the_image_only(trial) -> None:
    """In an image that is three times as wide as high, two thirds of the detector's square are padding."""
    image = np.random.default_rng(0).integers(0, 256, (60, 180, 3), np.uint8)
    (graph,) = Predictor(trial, "cpu")(image, once=False)
    assert len(graph.boxes)
    assert (graph.boxes >= 0).all()
    assert (graph.boxes <= [180, 60, 180, 60]).all()


def test_predictor_names_classes_and_relations(trial, toy_root) -> None:
    predictor = Predictor(trial, "cpu")
    assert predictor.classes[0] == predictor.predicates[0] == "__background__"
    image = np.full((60, 90, 3), 128, np.uint8)
    boxes = GivenBoxes(np.array([[0, 0, 40, 40], [20, 20, 80, 55]]), np.array([2, 1]))
    (graph,) = predictor(image, [boxes])
    first, second = graph.names
    assert (first, second) == (predictor.classes[2], predictor.classes[1])
    said = graph.sentences()
    assert len(said) == 2, "two ordered pairs, each with its best predicate"
    assert {(words.split()[0], words.split()[-1]) for words in said} == {(first, second), (second, first)}
    (fewer,) = predictor(image, [boxes], threshold=float(graph.scores[0]))
    assert fewer.sentences() == said[:1]


def test_predictor_takes_images_without_boxes_or_detections(trial) -> None:
    """An image without objects, beside one with two, and alone."""
    predictor = Predictor(trial, "cpu")
    image = np.zeros((50, 50, 3), np.uint8)
    empty, two = GivenBoxes(np.empty((0, 4))), GivenBoxes(np.array([[0, 0, 40, 40], [20, 20, 50, 50]]))
    assert [len(graph) for graph in predictor([image, image], [empty, two])] == [0, 2]
    assert [len(graph.relations) for graph in predictor([image], [empty])] == [0]


def test_predictor_cuts_and_refuses_boxes_as_the_command_does(trial) -> None:
    predictor, image = Predictor(trial, "cpu"), np.zeros((40, 60, 3), np.uint8)
    (graph,) = predictor(image, [GivenBoxes([[0, 0, 30, 30], [-5, 5, 80, 38.5]])])
    assert np.asarray(graph.boxes).tolist() == [[0, 0, 30, 30], [0, 5, 60, 38.5]]
    for box, said in (([70, 0, 90, 9], r"lies outside of the image, which is 60x40 pixels"),
                      ([9, 0, 9, 9], "x2 and y2 of a box must be greater"), ([0, 0, 5, np.nan], "must be greater")):
        with pytest.raises(ValueError, match=rf"number 0: box 2 of those given, .*{said}"):
            predictor(image, [GivenBoxes(np.array([[0, 0, 30, 30], box]))])


@pytest.mark.parametrize(("image", "said"), [
    (np.zeros((4, 4), np.uint8), r"\[4, 4\] uint8"), (np.zeros((4, 4, 3)), "float64")])
def test_predictor_refuses_arrays_of_another_form(trial, image, said) -> None:
    with pytest.raises(ValueError, match=said):
        Predictor(trial, "cpu")(image)


def test_predictor_reads_a_trial_that_was_moved(trial, tmp_path) -> None:
    shutil.copytree(trial, tmp_path / "elsewhere")
    image = np.full((60, 90, 3), 200, np.uint8)
    here, there = (Predictor(folder, "cpu")(image)[0] for folder in (trial, tmp_path / "elsewhere"))
    np.testing.assert_array_equal(here.scores, there.scores)


def test_predictor_names_the_remedy_for_a_checkpoint_without_parts(tmp_path, write_trial) -> None:
    write_trial(tmp_path / "old", parts=False)
    said = r"(?s)no folder `parts`.*python -m sgg\.checkpoint export .*epoch_0001"
    with pytest.raises(FileNotFoundError, match=said):
        Predictor(tmp_path / "old")


def test_export_takes_parts_from_the_data(tmp_path, write_trial, monkeypatch, capsys) -> None:
    """A checkpoint of an earlier version, while its data are there; afterwards nothing else is needed."""
    foundation = write_trial(tmp_path / "old", parts=False)
    monkeypatch.setattr(two_stage, "ensure_detector", lambda *given: (foundation.detector, "0123"))
    monkeypatch.setattr(two_stage, "known_hash", lambda *given: "0123")  # other tests may have left a detector there
    assert checkpoint_main(["export", str(tmp_path / "old"), "--out", str(tmp_path / "new")]) == 0
    assert "wrote" in capsys.readouterr().out
    image = np.full((60, 90, 3), 200, np.uint8)
    (graph,) = Predictor(tmp_path / "new", "cpu")(image)
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "old")
    (again,) = Predictor(tmp_path / "new", "cpu")(image)
    np.testing.assert_array_equal(graph.scores, again.scores)
    assert checkpoint_main(["export", str(tmp_path / "new"), "--out", str(tmp_path / "new")]) == 2
    assert "name a new or an empty folder" in capsys.readouterr().err


def test_export_copies_parts_without_the_data(tmp_path, trial, capsys) -> None:
    assert checkpoint_main(["export", str(trial), "--out", str(tmp_path / "alone")]) == 0
    assert sorted(path.name for path in (tmp_path / "alone").iterdir()) == ["meta.json", "parts", "weights.safetensors"]
    image = np.full((60, 90, 3), 90, np.uint8)
    one, other = (Predictor(folder, "cpu")(image)[0] for folder in (trial, tmp_path / "alone"))
    np.testing.assert_array_equal(one.scores, other.scores)


DETECTOR = "parts/detector/weights.safetensors"


def test_write_parts_links_the_detector_of_another_trial(tmp_path, write_trial) -> None:
    """The detector takes its room once in a study; a copy where the disk has no links is the same file."""
    for name in "ab":
        write_trial(tmp_path / name)
    assert os.path.samefile(tmp_path / "a" / DETECTOR, tmp_path / "b" / DETECTOR)


def test_write_parts_links_the_detector_that_the_settings_name(tmp_path, toy_root) -> None:
    classes = open_dataset("toy", toy_root).classes
    metadata = save_detector(Detector("tiny", len(classes)), tmp_path / "given", {"classes": classes})
    config = validate({"data": {"name": "toy", "root": str(toy_root)},
                       "detector": {"backbone": "tiny", "weights": str(tmp_path / "given")}})
    foundation = replace(untrained(config, toy_root), detector_hash=metadata["hash"])
    foundation.write_parts(tmp_path / "trial" / "parts")
    assert os.path.samefile(tmp_path / "given" / "weights.safetensors", tmp_path / "trial" / DETECTOR)


def test_write_parts_says_that_a_published_detector_finds_no_boxes(tmp_path, toy_root) -> None:
    """Neural Motifs' proposals are random in our detector: a prediction that asks for boxes is refused."""
    names = {"roi_fmap.0.weight", "features.0.weight"}
    torch.save({"state_dict": {name: torch.zeros(1) for name in names}}, tmp_path / "vg-faster-rcnn.tar")
    config = validate({"data": {"name": "toy", "root": str(toy_root)},
                       "detector": {"backbone": "tiny", "weights": str(tmp_path / "vg-faster-rcnn.tar")}})
    foundation = untrained(config, toy_root)
    checkpoint.save(tmp_path / "trial", 1, foundation.build_predictor().networks, {}, {
        "config": config.model_dump(mode="json"), "data": foundation.provenance, **foundation.parts})
    foundation.write_parts(tmp_path / "trial" / "parts")
    predictor = Predictor(tmp_path / "trial", "cpu")
    picture, boxes = np.zeros((60, 80, 3), np.uint8), np.array([[1.0, 2, 30, 40], [20, 10, 60, 50]])
    with pytest.raises(ValueError, match=r"a prediction without boxes needs boxes that the detector finds.*Motifs'"):
        predictor(picture)
    assert predictor(picture, [GivenBoxes(boxes)])[0].boxes.shape == (2, 4)


def test_write_parts_copies_where_links_fail(tmp_path, write_trial, monkeypatch) -> None:
    def refused(*given, **options):
        raise OSError(18, "Invalid cross-device link")

    write_trial(tmp_path / "a")
    monkeypatch.setattr(os, "link", refused)
    write_trial(tmp_path / "b")
    one, other = (tmp_path / name / DETECTOR for name in "ab")
    assert not os.path.samefile(one, other)
    assert one.read_bytes() == other.read_bytes()
    assert not list((tmp_path / "b").rglob(".*.safetensors.*")), "no leftover"


def test_write_parts_writes_again_what_was_cut_off(tmp_path, write_trial) -> None:
    """parts.json is written last: without it, nothing is taken for whole."""
    foundation = write_trial(tmp_path / "a")
    folder = tmp_path / "a" / "parts"
    (folder / parts.PARTS).unlink()
    (folder / "detector" / "detector.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"parts\.json"):
        Predictor(tmp_path / "a")
    foundation.write_parts(folder)
    assert Predictor(tmp_path / "a", "cpu").classes[0] == "__background__"


def test_predictor_refuses_parts_of_another_training(tmp_path, write_trial) -> None:
    write_trial(tmp_path / "a")
    described = tmp_path / "a" / "parts" / parts.PARTS
    described.write_text(described.read_text().replace('"0123"', '"4567"'))
    with pytest.raises(ValueError, match=r"parts\.json is of another training: its detector is 4567.*0123"):
        Predictor(tmp_path / "a")


def test_predictor_refuses_parts_with_another_number_of_classes(tmp_path, write_trial) -> None:
    write_trial(tmp_path / "a")
    described = tmp_path / "a" / "parts" / parts.PARTS
    content = json.loads(described.read_text())
    number = len(content["classes"])
    described.write_text(json.dumps(content | {"classes": [*content["classes"], "unicorn"]}))
    with pytest.raises(ValueError, match=rf"parts: .* {number - 1} classes, parts\.json {number}.*'unicorn'"):
        Predictor(tmp_path / "a")


def test_predictor_refuses_parts_with_as_many_other_classes(tmp_path, write_trial) -> None:
    write_trial(tmp_path / "a")
    described, detector = (tmp_path / "a" / "parts" / name for name in (parts.PARTS, "detector/detector.json"))
    content, metadata = (json.loads(path.read_text()) for path in (described, detector))
    name = content["classes"][2]
    renamed = ["unicorn" if other == name else other for other in content["classes"]]
    described.write_text(json.dumps(content | {"classes": renamed}))
    detector.write_text(json.dumps(metadata | {"classes": content["classes"]}))
    with pytest.raises(ValueError, match=rf"parts: .* only the detector has '{name}'.*'unicorn'; copy"):
        Predictor(tmp_path / "a")
    detector.write_text(json.dumps(metadata | {"classes": None}))  # a published file need not name them
    assert Predictor(tmp_path / "a", "cpu").classes[2] == "unicorn"


@pytest.mark.parametrize("head", sorted(HEADS))
def test_predict_computes_each_image_by_itself(tmp_path, write_trial, head) -> None:
    """In a batch, images of other sizes and with other numbers of objects change no graph, in any mode. One has no
    object, and two are not square, so that the detector also finds objects in their padding. Sums of a batch may have
    another order, so the last bits may differ."""
    write_trial(tmp_path / "trial", head=head)
    predictor = Predictor(tmp_path / "trial", "cpu")
    draws = np.random.default_rng(0)
    images = [pixels_of(draws.integers(0, 256, (*size, 3), np.uint8)) for size in ((64, 64), (40, 90), (90, 30))]
    low = draws.uniform(0, 20, (12, 2))
    boxes = np.concatenate([low, low + draws.uniform(5, 10, (12, 2))], 1)
    labels = draws.integers(1, len(predictor.classes), 12)
    names = ["a", "b", "c"]
    for given in (None, [GivenBoxes(boxes[:7]), GivenBoxes(boxes[:0]), GivenBoxes(boxes[7:])],
                  [GivenBoxes(boxes[:9], labels[:9]), GivenBoxes(boxes[:2], labels[:2]), GivenBoxes(boxes, labels)]):
        together = predictor.predict(images, names, given, top=400, once=False)
        assert sum(len(graph.relations) for graph in together) > 20
        for number, graph in enumerate(together):
            (alone,) = predictor.predict(images[number:number + 1], names[number:number + 1],
                                         given and given[number:number + 1], top=400, once=False)
            np.testing.assert_allclose(alone.boxes, graph.boxes, rtol=1e-5, atol=1e-4)
            np.testing.assert_array_equal(alone.labels, graph.labels)
            np.testing.assert_allclose(alone.label_scores, graph.label_scores, rtol=1e-4)
            np.testing.assert_allclose(alone.scores, graph.scores, rtol=1e-4)
            assert {tuple(row) for row in alone.relations.tolist()} == {tuple(row) for row in graph.relations.tolist()}
