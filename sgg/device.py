"""The device that a setting or an argument names, and how torch computes on it."""

from __future__ import annotations

import torch

from sgg import parallel
from sgg.config import Config


def find_device(name: str, setting: str) -> torch.device:
    """The device `name`: cpu, cuda, cuda:1, ...; auto is CUDA where there is a GPU.

    setting: what named it, for messages. Raises ValueError for a device that torch does not know or does not find.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"{setting} must be auto, cpu, cuda or another device of torch's, got {name!r}: "
                         f"{str(error).partition('. ')[0]}") from None
    if device.type == "cuda":
        _require_gpu(device, setting)
    elif device.type != "cpu":
        _require_use(device, setting)
    return device


def _require_gpu(device: torch.device, setting: str) -> None:
    """Looks at no GPU more closely: that would take memory of it."""
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


def device_of(config: Config) -> torch.device:
    """`training.device`; auto: CUDA where there is a GPU and `resources.gpus` is not 0.

    Raises ValueError for a device that torch does not know or does not find.
    """
    name = config.training.device
    return find_device("cpu" if name == "auto" and config.resources.gpus == 0 else name, "training.device")


def configure_torch(config: Config) -> None:
    """Threads and number formats of this process.

    The number of threads is set, not left to the machine: sums are split among threads, so results follow from it.
    """
    torch.set_num_threads(max(1, int(config.resources.cpus)))
    torch.set_float32_matmul_precision("high" if config.training.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = config.training.tf32


def computed_on(device: torch.device) -> dict[str, str | int]:
    """What decides the last bits of results, and with the number of workers their draws, beside settings and seed."""
    return {"device": device.type, "workers": parallel.num_workers(), "threads": torch.get_num_threads()}
