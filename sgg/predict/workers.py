"""Threads that compute batches of images beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import torch

MOST = 2
"""Workers on a CPU. Each holds the activations of a batch."""


class Workers(NamedTuple):
    """Threads that compute batches, and their number."""

    pool: ThreadPoolExecutor
    number: int


@contextmanager
def workers_for(device: torch.device, batches: int) -> Iterator[Workers]:
    """Yield workers for a number of batches. They have ended at the end of the block.

    On a CPU there are two where there are two batches, and each computes with half of torch's threads: an operator of a
    small model does not fill several threads, and one batch runs while Python prepares the next operator of the other.
    Elsewhere there is one.
    """
    threads = torch.get_num_threads()
    number = max(1, min(MOST, threads, batches)) if device.type == "cpu" else 1
    pool = ThreadPoolExecutor(number, "predict", torch.set_num_threads, (threads // number,))
    try:
        yield Workers(pool, number)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # what a worker sets holds for threads that begin later, too
