"""The rank of each relation's first hit, worked by hand."""

import numpy as np
import pytest

from sgg.metrics import Conventions, ranked_hits, relation_ranks
from sgg.metrics.ranking import MISSED
from sgg.structures import Prediction, SceneGraph

FAR = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]


def test_relation_ranks_by_hand():
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


def test_relation_ranks_given_skips_pairs_that_are_not_annotated():
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[1, 2, 1]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[0, 1], [2, 1], [1, 2]]),
                            np.array([[0.0, 1], [0.5, 0.5], [0.6, 0.4]]))
    ranks = relation_ranks(truth, prediction, "sgcls")
    assert (ranks.constrained[0], ranks.given[0]) == (2, 0)
    assert relation_ranks(truth, prediction, "sgdet").given[0] == MISSED


def test_relation_ranks_orders_equal_scores_by_row_then_predicate():
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[0, 1, 1], [0, 1, 2], [1, 2, 1], [1, 2, 2]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[1, 2], [0, 1]]), np.full((2, 3), 0.25))
    ranks = relation_ranks(truth, prediction, "predcls")
    assert ranks.unconstrained.tolist() == [2, 3, 0, 1]
    assert ranks.constrained.tolist() == [1, MISSED, 0, MISSED]
    cut = relation_ranks(truth, prediction, "predcls", conventions=Conventions(unconstrained_limit=2))
    assert cut.unconstrained.tolist() == [MISSED, MISSED, 0, 1]


def test_relation_ranks_lets_a_relation_read_backwards_compete_on_its_pair():
    truth = SceneGraph(np.array(FAR[:2]), np.array([1, 2]), np.array([[0, 1, 1]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(2), np.array([[1, 0], [0, 1]]),
                            np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert relation_ranks(truth, prediction, "predcls").triplet[0] == 1
    assert relation_ranks(truth, prediction, "predcls", conventions=Conventions.clean()).triplet[0] == 0


def test_relation_ranks_of_sgdet_need_pairs_by_boxes():
    truth = SceneGraph(np.array(FAR[:2]), np.array([1, 2]), np.array([[0, 1, 1]]))
    prediction = Prediction(np.array([FAR[2], FAR[0], FAR[1]]), np.array([3, 1, 2]), np.ones(3),
                            np.array([[0, 1], [1, 2]]), np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert relation_ranks(truth, prediction, "sgdet").triplet[0] == 301
    by_boxes = Conventions(triplet_pairs_by_boxes=True)
    assert relation_ranks(truth, prediction, "sgdet", conventions=by_boxes).triplet[0] == 0


def test_relation_ranks_resorts_a_pair_whose_score_the_weights_raise():
    truth = SceneGraph(np.array(FAR), np.array([1, 2, 3]), np.array([[1, 2, 2]]))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(3), np.array([[0, 1], [1, 2]]),
                            np.array([[0.0, 0.9, 0.1], [0.0, 0.2, 0.8]]))
    weights = np.array([1.0, 4, 0.5])
    assert relation_ranks(truth, prediction, "predcls", weights).constrained[0] == 1
    resort = Conventions(resort_after_reweight=True)
    assert relation_ranks(truth, prediction, "predcls", weights, resort).constrained[0] == 0
    assert relation_ranks(truth, prediction, "predcls", None, resort).constrained[0] == 1


def test_relation_ranks_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match="mode must be one of predcls, sgcls, sgdet, got 'vrd'"):
        relation_ranks(None, None, "vrd")
