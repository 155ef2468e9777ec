"""Non-maximum suppression of relations on scenes of a few pairs; tests/unit/metrics/test_accumulator.py has an oracle
of plain loops on random scenes."""

import numpy as np
import pytest

from sgg.metrics import SceneGraphMetrics
from sgg.metrics.checks import ImageArrays
from sgg.metrics.relation_nms import pixel_iou, suppress
from sgg.structures import Prediction, SceneGraph

HERE, NEAR, FAR = [0, 0, 9, 9], [0, 0, 9, 8], [50, 50, 59, 59]
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, 3), np.int64)


def image(boxes, labels, pairs, scores, label_scores=None) -> ImageArrays:
    boxes = np.array(boxes, np.float32)
    sure = np.ones(len(boxes)) if label_scores is None else np.array(label_scores)
    return ImageArrays(*NOTHING, boxes, np.array(labels), sure,
                       np.array(pairs, np.int64).reshape(-1, 2), np.array(scores, float))


def suppressed(*arguments):
    found = suppress(one := image(*arguments), one.predicate_scores)
    return found.order.tolist(), found.predicates.tolist(), [tuple(row) for row in found.listed.tolist()]


TWICE = ([HERE, NEAR, FAR], [1, 1, 2], [(0, 2), (1, 2)])
"""Two boxes on one object, and an object far away."""


def test_pixel_iou_of_sides_that_include_both_ends() -> None:
    """10 x 10 and 10 x 9 pixels share 90 of 100; boxes that touch share a row of 10."""
    np.testing.assert_allclose(pixel_iou(np.array([HERE, NEAR, [0, 9, 9, 18]], float)),
                               [[1, 0.9, 10 / 190], [0.9, 1, 0], [10 / 190, 0, 1]], atol=1e-12)


def test_suppress_gives_alike_pairs_different_predicates() -> None:
    """Both are best at predicate 1, the second more so: the first keeps predicate 2, and comes second."""
    order, predicates, listed = suppressed(*TWICE, [[0, 0.6, 0.4], [0, 0.7, 0.3]])
    assert (order, predicates) == ([1, 0], [2, 1])
    assert listed == [(1, 1), (0, 2)], "the weaker of two alike triplets is dropped"


@pytest.mark.parametrize("changed", [{"labels": [1, 3, 2]}, {"boxes": [HERE, FAR, FAR]}])
def test_suppress_lets_pairs_of_other_classes_or_places_be(changed: dict) -> None:
    boxes, labels, pairs = TWICE
    order, predicates, listed = suppressed(changed.get("boxes", boxes), changed.get("labels", labels), pairs,
                                           [[0, 0.6, 0.4], [0, 0.7, 0.3]])
    assert (order, predicates) == ([1, 0], [1, 1])
    assert listed == [(1, 1), (0, 1), (0, 2), (1, 2)]


def test_suppress_lets_pairs_compete_only_if_they_are_likely_related() -> None:
    """sqrt(.3^2 + .4^2) = .5 and sqrt(.1^2 + .1^2) = .14: together .64, below .7. The list without graph constraint
    does not ask for this."""
    order, predicates, listed = suppressed(*TWICE, [[0.6, 0.3, 0.1], [0.5, 0.4, 0.1]])
    assert (order, predicates) == ([1, 0], [1, 1])
    assert listed == [(1, 1), (0, 2)]


def test_suppress_ranks_by_the_scores_of_objects_too() -> None:
    order, predicates, _ = suppressed(*TWICE, [[0, 0.6, 0.4], [0, 0.7, 0.3]], [1, 0.5, 1])
    assert (order, predicates) == ([0, 1], [1, 2])


def test_suppress_leaves_pairs_without_a_predicate_when_all_are_taken() -> None:
    """Three alike pairs and two predicates."""
    boxes, labels, pairs = [HERE, HERE, HERE, FAR], [1, 1, 1, 2], [(0, 3), (1, 3), (2, 3)]
    order, predicates, listed = suppressed(boxes, labels, pairs, [[0, 0.5, 0.5], [0, 0.6, 0.4], [0, 0.9, 0.1]])
    assert (order, predicates) == ([2, 0, 1], [2, 0, 1])
    assert listed == [(2, 1), (0, 2)]


def test_suppress_without_pairs() -> None:
    assert suppressed([HERE], [1], [], np.zeros((0, 3))) == ([], [], [])


def test_suppress_keeps_100_of_the_best_1000() -> None:
    """20 pairs that are not alike, 60 predicates: the best 100 of 1,200 triplets."""
    rng = np.random.default_rng(0)
    boxes = [[20 * place, 0, 20 * place + 9, 9] for place in range(21)]
    scores = rng.dirichlet(np.ones(61), 20)
    *_, listed = suppressed(boxes, [1] * 21, [(0, place) for place in range(1, 21)], scores)
    best = np.argsort(-scores[:, 1:].reshape(-1), kind="stable")[:100]
    assert listed == [(one // 60, one % 60 + 1) for one in best.tolist()]


def test_scene_graph_metrics_with_relation_nms() -> None:
    """Two annotated relations with different predicates on one object that is detected twice: only suppression finds
    both with graph constraint."""
    truth = SceneGraph(np.array([HERE, FAR], np.float32), np.array([1, 2]), np.array([[0, 1, 1], [0, 1, 2]]))
    boxes, labels, pairs = TWICE
    found = Prediction(np.array(boxes, np.float32), np.array(labels), np.ones(3), np.array(pairs)[::-1].copy(),
                       np.array([[0, 0.7, 0.3], [0, 0.6, 0.4]]))
    recall = {}
    for on in (False, True):
        metrics = SceneGraphMetrics("sgdet", 3, {(1, 1, 2): 1}, ks=(2,), relation_nms=on)
        metrics.update(truth, found)
        recall[on] = metrics.compute()["all/R@2"]
    assert recall == {False: 0.5, True: 1.0}
