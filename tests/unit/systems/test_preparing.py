"""Threads and number formats of a trial are set after all cores have made the parts that trials share."""

import os

import pytest
import torch

from sgg import systems
from sgg.config import validate
from sgg.systems.two_stage import foundation as two_stage
from tests.untrained import untrained

pytestmark = pytest.mark.usefixtures("torch_as_before")


def test_prepare_makes_features_on_all_cores_in_full_precision(toy_root, monkeypatch) -> None:
    config = validate({"data": {"name": "toy", "root": str(toy_root)}, "training": {"tf32": True}})
    found = []

    class Noting(two_stage.TwoStageFoundation):
        def make_ready(self, make_maps: bool = True) -> None:
            found.append((torch.get_num_threads(), torch.get_float32_matmul_precision()))

    monkeypatch.setattr(two_stage, "ensure_detector",
                        lambda *_, **__: (untrained(config, toy_root).detector, "0123"))
    monkeypatch.setattr(two_stage, "TwoStageFoundation", Noting)
    torch.set_float32_matmul_precision("highest")
    systems.prepare(config)
    assert found == [(os.cpu_count(), "highest")]
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (1, "high")
