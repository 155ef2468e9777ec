"""Predictions of an untrained system under adjustments, all from one pass."""

import numpy as np
import pytest
import torch

from sgg.config import validate
from sgg.evaluate.evaluation import evaluate
from tests.untrained import untrained

TAU = 1.5


@pytest.fixture(scope="module")
def foundation(toy_root):
    torch.manual_seed(0)
    return untrained(validate({
        "data": {"name": "toy", "root": str(toy_root), "eval_images": 3}, "model": {"frequency_bias": "add"},
        "evaluation": {"modes": ["sgcls", "predcls", "sgdet"], "ks": [5], "batch_size": 2, "pred_weight": [0.0, 0.5],
                       "logit_adjustment": [0.0, TAU]}}), toy_root)


def test_predict_ranks_by_adjusted_scores(foundation) -> None:
    experiment, system = foundation.experiment, foundation.build_predictor()
    counts = experiment.pair_counts[0].sum((0, 1)).clip(min=1).astype(float)
    share = counts / counts[1:].sum()
    share[0] = 1
    batch = next(iter(experiment.evaluation_batches("val")))
    with system.evaluating():
        found = system.predict(batch, ["predcls", "sgcls"], experiment.adjusters).predictions
    assert list(found) == ["predcls", f"predcls/logit_adjustment={TAU}", "sgcls", f"sgcls/logit_adjustment={TAU}"]
    for mode in ("predcls", "sgcls"):
        for plain, adjusted in zip(found[mode], found[f"{mode}/logit_adjustment={TAU}"], strict=True):
            scores = plain.predicate_scores.numpy() / share ** TAU
            scores /= scores.sum(1, keepdims=True)
            sure = plain.label_scores.numpy()[plain.pairs.numpy()].prod(1)
            order = np.argsort(-scores[:, 1:].max(1) * sure, kind="stable")
            np.testing.assert_allclose(adjusted.predicate_scores.numpy(), scores[order], rtol=1e-4)
            np.testing.assert_array_equal(adjusted.labels, plain.labels)


def test_evaluate_measures_all_adjusters_in_one_pass(foundation, monkeypatch) -> None:
    experiment, system = foundation.experiment, foundation.build_predictor()
    calls, predict = [], system.predict
    monkeypatch.setattr(system, "predict", lambda *arguments: calls.append(1) or predict(*arguments))
    named = evaluate(system, experiment.evaluation_batches("val"), experiment.metrics("val"),
                     adjusters=experiment.adjusters)
    assert len(calls) == 2, "batches"
    for ending in ("", "/x0.5", f"/logit_adjustment={TAU}", f"/logit_adjustment={TAU}/x0.5"):
        assert f"sgcls/all/R@5{ending}" in named
    rank = "predcls/all/triplet-rank-mean"
    assert named[rank] != named[f"{rank}/logit_adjustment={TAU}"]
    assert [name for name in named if name.startswith("sgcls/all/num_images")] == ["sgcls/all/num_images"]
    assert {"sgdet/fallbacks", "sgdet/failures"} < named.keys()
