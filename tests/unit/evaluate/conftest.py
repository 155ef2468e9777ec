"""A file of predictions that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sgg.evaluate.predictions import PredictionWriter, Protocol
from tests.oracles.scenes import PREDICATE_COUNTS, SUBSET, TRAIN, scenes


@pytest.fixture(scope="package")
def predictions_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of 70 scenes of `val` in PredCls and SGCls."""
    path = tmp_path_factory.mktemp("saved") / "predictions.npz"
    source = {"checkpoint": "runs/a", "epoch": 3, "data": {"name": "toy", "description": "four classes", "hash": "ab"}}
    names = ["__background__", "a", "b", "c"]
    protocol = Protocol("val", ("predcls", "sgcls"), names, names, TRAIN, SUBSET, PREDICATE_COUNTS, source)
    with PredictionWriter(path, protocol) as writer:
        for number, (truth, prediction) in enumerate(scenes("sgcls", 70)):
            writer.add(str(number), truth, {"predcls": prediction, "sgcls": prediction})
    return path
