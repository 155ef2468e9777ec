"""One training run on several devices; with real processes it is tested in tests/integration/test_parallel.py."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sgg.common import distributed


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()))


@pytest.mark.parametrize(("device", "expected"), [("cuda", nn.SyncBatchNorm), ("cpu", distributed.SharedBatchNorm)])
def test_share_batch_norm_chooses_the_layer_by_the_device(monkeypatch: pytest.MonkeyPatch, device: str,
                                                          expected: type) -> None:
    """The parameters stay the objects that an optimiser already has, under their names."""
    monkeypatch.setattr(distributed, "num_workers", lambda: 2)
    module = network()
    before = dict(module.named_parameters())
    shared = distributed.share_batch_norm(module, torch.device(device))
    assert shared is module
    assert type(module[1][0]) is expected
    after = dict(module.named_parameters())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def test_share_batch_norm_takes_the_device_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "num_workers", lambda: 2)
    assert type(distributed.share_batch_norm(network())[1][0]) is distributed.SharedBatchNorm


def test_share_batch_norm_changes_nothing_for_one_worker() -> None:
    assert type(distributed.share_batch_norm(network(), torch.device("cuda"))[1][0]) is nn.BatchNorm2d
