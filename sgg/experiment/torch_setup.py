"""The device of an experiment, and how torch computes in its process."""

from __future__ import annotations

import torch

from sgg.common import distributed as parallel
from sgg.common.device import find_device
from sgg.config import Config


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
