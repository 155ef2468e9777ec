"""Metric values of saved predictions; with a model they are tested in tests/unit/systems/test_predictor.py."""

from __future__ import annotations

from pathlib import Path

from sgg.evaluate.evaluation import metric_values, rescore
from sgg.evaluate.predictions import PredictionFile
from sgg.metrics import SceneGraphMetrics
from tests.oracles.scenes import PREDICATES, TRAIN


def test_rescore_by_other_conventions(predictions_file: Path) -> None:
    saved = PredictionFile(predictions_file)
    usual = rescore(saved, saved.protocol.metrics(["sgcls"], [2], [0.5]))
    clean = rescore(saved, saved.protocol.metrics(["sgcls"], [2], [0.5], {"resort_after_reweight": True}))
    assert usual["sgcls/all/R@2"] == clean["sgcls/all/R@2"]
    assert usual["sgcls/all/R@2/x0.5"] != clean["sgcls/all/R@2/x0.5"]


def test_metric_values_are_named_by_mode() -> None:
    empty = SceneGraphMetrics("sgdet", PREDICATES, TRAIN)
    assert metric_values({"sgdet": empty})["sgdet/all/num_images"] == 0
