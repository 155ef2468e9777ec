"""Hits of pictures agree with recall, on small scenes full of ties, duplicates and repeated relations."""

from itertools import pairwise

import numpy as np
import pytest

from sgg.metrics import SceneGraphMetrics, relation_ranks
from sgg.show.judgement import judge
from sgg.structures import Prediction, SceneGraph
from tests.oracles.evaluator import iou
from tests.oracles.scenes import TRAIN, scenes

MODES = ("predcls", "sgcls", "sgdet")


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_judge_finds_the_relations_that_recall_counts(mode, constrained) -> None:
    kind = "constrained" if constrained else "unconstrained"
    found = 0
    for truth, prediction in scenes(mode, 200):
        if not len(truth.relations):
            continue
        ranks = getattr(relation_ranks(truth, prediction, mode), kind)
        for k in (1, 3, 20):
            judged = judge(truth, prediction, mode, k, constrained)
            assert [relation.rank for relation in judged.relations] == [
                int(rank) if rank < k else None for rank in ranks]
            found += judged.found
    assert found > 50


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_judge_has_the_triplet_of_each_rank(mode, constrained) -> None:
    """A triplet is a hit if and only if a relation has its classes and boxes that overlap its own by half."""
    hits = 0
    for truth, prediction in scenes(mode, 120, seed=1):
        judged = judge(truth, prediction, mode, 20, constrained)
        given = mode != "sgdet"
        boxes = truth.boxes if given else prediction.boxes
        labels = truth.labels if mode == "predcls" else prediction.labels
        for triplet in judged.triplets:
            expected = any(
                triplet.predicate == predicate and labels[triplet.subject] == truth.labels[subject]
                and labels[triplet.object] == truth.labels[other]
                and iou(boxes[triplet.subject], truth.boxes[subject]) >= 0.5
                and iou(boxes[triplet.object], truth.boxes[other]) >= 0.5
                for subject, other, predicate in truth.relations.tolist())
            assert triplet.hit == expected
            hits += expected
        for relation in judged.relations:
            assert relation.rank is None or judged.triplets[relation.rank].hit
    assert hits > 20


@pytest.mark.parametrize("mode", MODES)
def test_judge_ranks_by_score(mode) -> None:
    for truth, prediction in scenes(mode, 40, seed=2):
        triplets = judge(truth, prediction, mode, 50, constrained=False).triplets
        assert all(one.score >= other.score for one, other in pairwise(triplets))
        assert len(triplets) == min(50, prediction.predicate_scores[:, 1:].size)
        assert len({one[:3] for one in judge(truth, prediction, mode, 50).triplets}) <= len(prediction.pairs)


def test_judge_gives_the_mean_recall_of_images() -> None:
    """R@K of `SceneGraphMetrics` is the mean over the images that have a relation."""
    metrics = SceneGraphMetrics("sgcls", 4, TRAIN, ks=[3])
    recalls = []
    for truth, prediction in scenes("sgcls", 40, seed=3):
        metrics.update(truth, prediction)
        recalls.append(judge(truth, prediction, "sgcls", 3).recall)
    assert metrics.compute()["all/R@3"] == pytest.approx(np.nanmean(recalls), abs=1e-12)


def test_judge_of_an_image_without_relations_has_only_wrong_triplets() -> None:
    truth = SceneGraph(np.array([[0, 0, 9, 9], [1, 1, 8, 8]]), np.array([1, 2]), np.zeros((0, 3), np.int64))
    prediction = Prediction(truth.boxes, truth.labels, np.ones(2), np.array([[0, 1]]), np.array([[0.2, 0.8, 0.0, 0.0]]))
    judged = judge(truth, prediction, "predcls", 5)
    assert [triplet.hit for triplet in judged.triplets] == [False]
    assert np.isnan(judged.recall)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        judge(truth, prediction, "predcls", 0)
