"""Find the torch device that a setting or an argument names."""

from __future__ import annotations

import torch


def find_device(name: str, setting: str) -> torch.device:
    """The device `name`: cpu, cuda, cuda:1, ...; auto is CUDA if there is a GPU, else cpu.

    setting: the setting that gives the name, for messages. Raises ValueError if torch does not know or find the device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"{setting} must be auto, cpu, cuda or another torch device, got {name!r}: "
                         f"{str(error).partition('. ')[0]}") from None
    if device.type == "cuda":
        _require_gpu(device, setting)
    elif device.type != "cpu":
        _require_use(device, setting)
    return device


def _require_gpu(device: torch.device, setting: str) -> None:
    """Raise ValueError if torch does not see the GPU. Nothing is allocated: a test tensor would take GPU memory."""
    if not torch.cuda.is_available():
        raise ValueError(f"{setting} is {device}, but torch sees no GPU: use auto or cpu")
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise ValueError(f"{setting} is {device}, but torch sees {torch.cuda.device_count()} GPUs, numbered from 0")


def _require_use(device: torch.device, setting: str) -> None:
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).partition(". ")[0]
        raise ValueError(f"{setting} is {device}, which cannot be used here: {reason}") from None
