"""The recall of each predicate against an oracle of plain loops, and its file."""

from __future__ import annotations

import json
import math

import pytest

from sgg.evaluate.predicate_recall import PredicateRecall, order_of
from sgg.metrics import SceneGraphMetrics
from tests.oracles.evaluator import plain_metrics
from tests.oracles.scenes import PREDICATE_COUNTS, PREDICATES, SUBSET, TRAIN, scenes

NAMES = ["__background__", "on", "<b>", "rides"]
KS = (2, 20, 50)
WEIGHTS = {0.5: PREDICATE_COUNTS**0.5}


def counted(mode, images):
    metrics = SceneGraphMetrics(mode, PREDICATES, TRAIN, SUBSET, KS, WEIGHTS)
    for truth, prediction in images:
        metrics.update(truth, prediction)
    return metrics


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_predicate_recall_of_two_modes_is_that_of_plain_loops(weight) -> None:
    images = {mode: scenes(mode, 60) for mode in ("sgcls", "predcls")}
    found = PredicateRecall.of({mode: counted(mode, own) for mode, own in images.items()}, NAMES, weight)
    for mode, own in images.items():
        want = plain_metrics(own, mode, PREDICATES, TRAIN, SUBSET, KS, WEIGHTS)
        suffix = f"/x{weight}" if weight else ""
        for metric in ("R@20", "ngR@20", "R@50", "ngR@50"):
            assert found.recall[mode][metric] == pytest.approx(
                [want[f"all/{metric}/predicate{p}{suffix}"] for p in range(1, PREDICATES)], abs=1e-5)
        assert found.recall[mode].keys() == {"R@20", "R@50", "ngR@20", "ngR@50"}
    assert found.training == [sum(count for (_, p, _), count in TRAIN.items() if p == wanted) for wanted in (1, 2, 3)]
    assert found.relations == [sum((truth.relations[:, 2] == wanted).sum() for truth, _ in images["sgcls"])
                               for wanted in (1, 2, 3)]
    assert found.predicates == NAMES[1:]
    assert found.groups == ["head", "body", "tail"]
    assert found.means["sgcls"]["R@20"] == dict(zip(found.groups, found.recall["sgcls"]["R@20"], strict=True))


def test_predicate_recall_of_a_predicate_without_relation_is_null(tmp_path) -> None:
    images = [image for image in scenes("sgcls", 60) if not (image[0].relations[:, 2] == 2).any()]
    PredicateRecall.of({"sgcls": counted("sgcls", images)}, NAMES).write(tmp_path, "val", 7)
    found = json.loads((tmp_path / "predicates.json").read_text())
    assert (found["format"], found["split"], found["epoch"]) == (1, "val", 7)
    assert found["relations"][1] == 0
    assert found["recall"]["sgcls"]["R@20"][1] is None
    assert found["means"]["sgcls"]["R@20"]["body"] is None
    assert math.isfinite(found["recall"]["sgcls"]["R@20"][0])


def test_predicate_recall_of_other_ks_has_the_largest() -> None:
    metrics = SceneGraphMetrics("sgcls", PREDICATES, TRAIN, ks=(3, 7))
    assert PredicateRecall.of({"sgcls": metrics}, NAMES).recall["sgcls"].keys() == {"R@7", "ngR@7"}


def test_order_of_has_the_most_frequent_first() -> None:
    assert order_of([3, 9, 3, 12]) == [3, 1, 0, 2]
