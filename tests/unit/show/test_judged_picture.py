"""Graphs of a judged image, on a scene that is judged by hand."""

import numpy as np
import pytest

from sgg.show.judged_picture import SIGNS, STROKES, judged_pictures, sides_of
from sgg.show.judgement import judge
from sgg.structures import Prediction, SceneGraph
from sgg.systems.contract import Vocabulary
from tests.oracles.scenes import scenes

NAMES = Vocabulary(("__background__", "cat", "mat", "<script>"), ("__background__", "on", "near", "x" * 200))


@pytest.fixture
def scene():
    """The model names object 2 wrongly, finds "cat on mat", misses "cat near mat", and invents "mat near cat"."""
    boxes = np.array([[0, 0, 40, 40], [30, 30, 90, 90], [60, 5, 95, 40]], np.float32)
    truth = SceneGraph(boxes, np.array([1, 2, 1]), np.array([[0, 1, 1], [0, 1, 2], [0, 1, 1]]))
    scores = np.array([[0.1, 0.9, 0, 0], [0.3, 0, 0.7, 0]], np.float32)
    return truth, Prediction(boxes, np.array([1, 2, 3]), np.array([1, 1, 0.5], np.float32), np.array([[0, 1], [1, 0]]),
                             scores)


def test_sides_of_gives_each_pair_and_predicate_once(scene) -> None:
    judged = judge(*scene, "sgcls", 5)
    annotated, predicted = sides_of(*scene, judged, "sgcls", [False, True, False])
    assert [(line[:3], line.verdict, line.remark) for line in annotated.lines] == [
        ((0, 1, 1), "hit", "×2"), ((0, 1, 2), "missed", "(zero-shot)")]
    assert [(line[:3], line.verdict, line.remark) for line in predicted.lines] == [
        ((0, 1, 1), "hit", ".90"), ((1, 0, 2), "wrong", ".70")]
    assert predicted.wrong.tolist() == [False, False, True]
    assert not annotated.wrong.any()
    assert judged.recall == pytest.approx(2 / 3)


def test_verdicts_differ_by_more_than_colour() -> None:
    assert len({stroke.dash for stroke in STROKES.values()}) == len({*SIGNS.values()}) == 3


def test_judged_pictures_draws_only_the_verdicts_of_each_side(scene) -> None:
    """Pixels in the colour of a verdict."""
    judged = judge(*scene, "sgcls", 5)
    white = np.full((100, 100, 3), 255, np.uint8)
    drawn = judged_pictures(white, *sides_of(*scene, judged, "sgcls", [False] * 3), NAMES, True)
    found = {}
    for side, picture in (("annotated", drawn.annotated), ("predicted", drawn.predicted)):
        pixels = np.asarray(picture)
        found[side] = {verdict for verdict, stroke in STROKES.items() if verdict != "wrong"
                       and (pixels == stroke.colour).all(axis=2).sum() > 40}
    # The colour of hits is also that of the first object.
    assert found == {"annotated": {"hit", "missed"}, "predicted": {"hit"}}
    assert drawn.annotated.size == drawn.predicted.size, "objects stand at the same places"
    assert drawn.predicted_image is None
    assert drawn.left_out == 0


@pytest.mark.parametrize("mode", ["predcls", "sgcls", "sgdet"])
def test_judged_pictures_of_any_scene(mode) -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    names = Vocabulary(("__background__", "a", "b", "c"), ("__background__", "p", "q", "r"))
    for truth, prediction in scenes(mode, 12):
        judged = judge(truth, prediction, mode, 20)
        sides = sides_of(truth, prediction, judged, mode, [False] * len(truth.relations))
        drawn = judged_pictures(image, *sides, names, mode != "sgdet")
        assert (drawn.predicted_image is not None) == (mode == "sgdet")
