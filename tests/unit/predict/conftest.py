"""A trial whose networks know nothing, with the parts that predictions need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sgg import checkpoint
from sgg.common.run_log import PARTS_FOLDER
from sgg.config import validate
from sgg.systems.two_stage.foundation import TwoStageFoundation
from tests.untrained import untrained


def trial_in(folder: Path, toy_root: Path, parts: bool = True, **model: object) -> TwoStageFoundation:
    """Write a trial of an untrained system with these settings of the model; return its foundation."""
    torch.manual_seed(0)
    config = validate({"data": {"name": "toy", "root": str(toy_root), "eval_images": 3}, "model": model,
                       "evaluation": {"batch_size": 3}})
    foundation = untrained(config, toy_root)
    predictor = foundation.build_predictor()
    for weights in predictor.model.parameters():
        weights.data.add_(0.05 * torch.randn(weights.shape))
    # The checkpoint names a folder of data that does not exist: nobody may look for it.
    settings = config.model_dump(mode="json")
    settings["data"]["root"] = str(folder / "no_such_data") if parts else str(toy_root)
    checkpoint.save(folder, 1, predictor.networks, {}, {"config": settings, "data": foundation.provenance,
                                                        **foundation.parts})
    if parts:
        foundation.write_parts(folder / PARTS_FOLDER)
    return foundation


@pytest.fixture(scope="package")
def trial(tmp_path_factory: pytest.TempPathFactory, toy_root: Path) -> Path:
    """The folder of a trial with the usual head."""
    folder = tmp_path_factory.mktemp("study") / "trial"
    trial_in(folder, toy_root)
    return folder


@pytest.fixture
def write_trial(toy_root: Path) -> Callable[..., TwoStageFoundation]:
    """`trial_in` on the toy genome."""
    return lambda folder, **settings: trial_in(folder, toy_root, **settings)
