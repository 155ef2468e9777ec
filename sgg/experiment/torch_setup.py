"""The device of an experiment, and the settings of torch in its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sgg.common import distributed as parallel
from sgg.common.device import find_device
from sgg.config import Config


def device_of(config: Config) -> torch.device:
    """`training.device`; auto is CUDA if there is a GPU and `resources.gpus` is not 0.

    Raises ValueError for a device that torch does not know or does not find.
    """
    name = config.training.device
    return find_device("cpu" if name == "auto" and config.resources.gpus == 0 else name, "training.device")


def configure_torch(config: Config) -> None:
    """Set the threads and number formats of this process.

    The settings fix the number of threads, because torch splits sums among threads and results depend on it.
    """
    torch.set_num_threads(threads_of(config))
    torch.set_float32_matmul_precision("high" if config.training.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = config.training.tf32


@contextmanager
def as_in_training(config: Config) -> Iterator[None]:
    """Within the block torch computes as in a trial of a config; afterwards it is as before."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    tf32 = torch.backends.cudnn.allow_tf32
    configure_torch(config)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = tf32


def threads_of(config: Config) -> int:
    """The number of threads with which a trial computes on a CPU."""
    return max(1, int(config.resources.cpus))


def computed_on(device: torch.device) -> dict[str, str | int]:
    """The environment that decides the last bits of results and, with the number of workers, their random numbers."""
    return {"device": device.type, "workers": parallel.num_workers(), "threads": torch.get_num_threads()}
