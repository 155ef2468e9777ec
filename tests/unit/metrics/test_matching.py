"""Overlap of boxes by other packages' convention, and the rank of each relation's first hit, worked by hand."""

import numpy as np
import pytest
import torch
from pycocotools import mask
from torchmetrics.functional.detection import intersection_over_union
from torchvision.ops import box_iou as torchvision_iou

from sgg.metrics import Conventions, box_iou, ranked_hits, relation_ranks
from sgg.metrics.matching import MISSED
from sgg.structures import Prediction, SceneGraph

FAR = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]


def boxes(seed, count):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(1, 50, (count, 2))], axis=1).astype(np.float32)


def test_iou_agrees_with_torchvision_torchmetrics_and_coco():
    a, b = boxes(0, 40), boxes(1, 30)
    ours = box_iou(a, b)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, torchvision_iou(torch.from_numpy(a), torch.from_numpy(b)), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        ours, intersection_over_union(torch.from_numpy(a), torch.from_numpy(b), aggregate=False), rtol=1e-6, atol=1e-7)
    extents = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], axis=1).astype(np.float64) for x in (a, b)]
    np.testing.assert_allclose(ours, mask.iou(*extents, [0] * len(b)), rtol=1e-4, atol=1e-6)


def test_iou_has_no_plus_one():
    assert box_iou(np.array([[0, 0, 2, 1]]), np.array([[1, 0, 3, 1]]))[0, 0] == np.float32(1 / 3)


def test_iou_takes_tensors_and_empty_sets():
    assert box_iou(torch.zeros(0, 4), torch.ones(3, 4)).shape == (0, 3)
    assert box_iou(torch.zeros(1, 4), torch.zeros(1, 4))[0, 0] == 0  # no area in common, no area at all


def test_ranks_worked_by_hand():
    """Three objects of classes 1, 2, 3; two pairs predicted, each with three predicates.

    Unconstrained order: (0,1) p1 .5, (1,2) p2 .4, (0,1) p2 .3, (1,2) p3 .25, (1,2) p1 .15, (0,1) p3 .1.
    """
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[0, 1, 2], [1, 2, 2], [1, 2, 1], [2, 0, 1]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[0, 1], [1, 2]]),
                            np.array([[0.1, 0.5, 0.3, 0.1], [0.2, 0.15, 0.4, 0.25]]))
    ranks = relation_ranks(truth, prediction, "predcls")
    assert ranks.constrained.tolist() == [MISSED, 1, MISSED, MISSED]  # p2 is not the best of pair (0, 1)
    assert ranks.unconstrained.tolist() == [2, 1, 4, MISSED]
    assert ranks.given.tolist() == [MISSED, 1, MISSED, MISSED]
    assert ranks.triplet.tolist() == [1, 0, 2, 301]
    assert ranked_hits(truth, prediction, "predcls").tolist() == [[1, 1], [2, 0], [4, 2]]
    assert ranked_hits(truth, prediction, "predcls", constrained=True).tolist() == [[1, 1]]


def test_pair_accuracy_skips_pairs_that_are_not_annotated():
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[1, 2, 1]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[0, 1], [2, 1], [1, 2]]),
                            np.array([[0.0, 1], [0.5, 0.5], [0.6, 0.4]]))
    ranks = relation_ranks(truth, prediction, "sgcls")
    assert (ranks.constrained[0], ranks.given[0]) == (2, 0)
    assert relation_ranks(truth, prediction, "sgdet").given[0] == MISSED


def test_equal_scores_rank_by_row_then_predicate():
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[0, 1, 1], [0, 1, 2], [1, 2, 1], [1, 2, 2]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[1, 2], [0, 1]]), np.full((2, 3), 0.25))
    ranks = relation_ranks(truth, prediction, "predcls")
    assert ranks.unconstrained.tolist() == [2, 3, 0, 1]
    assert ranks.constrained.tolist() == [1, MISSED, 0, MISSED]
    cut = relation_ranks(truth, prediction, "predcls", conventions=Conventions(unconstrained_limit=2))
    assert cut.unconstrained.tolist() == [MISSED, MISSED, 0, 1]


def test_a_relation_read_backwards_competes_on_its_pair():
    truth = SceneGraph(np.array(FAR[:2]), np.array([1, 2]), np.array([[0, 1, 1]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(2), np.array([[1, 0], [0, 1]]),
                            np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert relation_ranks(truth, prediction, "predcls").triplet[0] == 1
    assert relation_ranks(truth, prediction, "predcls", conventions=Conventions.clean()).triplet[0] == 0


def test_sgdet_ranks_by_index_are_meaningless_and_by_boxes_are_not():
    truth = SceneGraph(np.array(FAR[:2]), np.array([1, 2]), np.array([[0, 1, 1]]))
    prediction = Prediction(np.array([FAR[2], FAR[0], FAR[1]]), np.array([3, 1, 2]), np.ones(3),
                            np.array([[0, 1], [1, 2]]), np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert relation_ranks(truth, prediction, "sgdet").triplet[0] == 301
    by_boxes = Conventions(triplet_pairs_by_boxes=True)
    assert relation_ranks(truth, prediction, "sgdet", conventions=by_boxes).triplet[0] == 0


def test_resorting_moves_a_pair_whose_score_the_weights_raise():
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[1, 2, 2]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[0, 1], [1, 2]]),
                            np.array([[0.0, 0.9, 0.1], [0.0, 0.2, 0.8]]))
    weights = np.array([1.0, 4, 0.5])
    assert relation_ranks(truth, prediction, "predcls", weights).constrained[0] == 1
    resort = Conventions(resort_after_reweight=True)
    assert relation_ranks(truth, prediction, "predcls", weights, resort).constrained[0] == 0
    assert relation_ranks(truth, prediction, "predcls", None, resort).constrained[0] == 1


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode must be one of predcls, sgcls, sgdet, got 'vrd'"):
        relation_ranks(None, None, "vrd")
