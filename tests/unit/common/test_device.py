"""Devices by name: found, or refused with the setting that named them."""

import pytest
import torch

from sgg.common.device import find_device


def test_find_device() -> None:
    assert find_device("cpu", "x") == torch.device("cpu")
    assert find_device("auto", "x").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(("name", "message"), [
    ("foo", r"--device must be auto, cpu, cuda .*got 'foo'"),
    ("", r"--device must be auto, cpu, cuda .*got ''"),
    ("meta", r"--device is meta, which cannot be used here: "),
])
def test_find_device_refuses_unknown_names(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_device(name, "--device")


@pytest.mark.parametrize(("gpus", "name", "message"), [
    (0, "cuda", "training.device is cuda, but torch sees no GPU: use auto or cpu"),
    (2, "cuda:2", "training.device is cuda:2, but torch sees 2 GPUs, numbered from 0"),
])
def test_find_device_refuses_missing_gpus(gpus, name, message, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    with pytest.raises(ValueError, match=message):
        find_device(name, "training.device")
    if gpus:
        assert find_device("cuda:1", "training.device") == torch.device("cuda:1")
