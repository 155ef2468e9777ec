"""Shared memory, through which batches come from the processes that load them (`shared_batch.py`). It may be small: a
container has 64 MiB unless it was asked for more.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sgg.data.dataset import Split

MEMORY = Path("/dev/shm")
AHEAD = 2
"""Batches that each process has made or is making before they are used: what torch asks for."""
REMEDY = ("give it more (docker run --shm-size=8g; in Kubernetes a volume `emptyDir: {medium: Memory}` at /dev/shm), "
          "use fewer data.workers or smaller batches, or set data.workers=0, which loads in the training process")


def require(split: Split, batch_size: int, workers: int) -> None:
    """Raise OSError, with the remedy, where shared memory has no room for what `workers` processes load ahead.

    What is needed follows from the mean size of the part's pictures, and is at least the largest batch there can be.
    Other processes that load at the same time are seen only as far as they have begun.
    """
    free = free_bytes()
    if not workers or free is None or not len(split):
        return
    sides = split.annotations.sizes.max(1).astype(np.int64)
    pictures = np.sort(3 * 4 * sides ** 2)  # bytes of three channels in float32
    batch = pictures.mean() * min(batch_size, len(pictures))
    needed = int(max(pictures[-batch_size:].sum(), batch * (AHEAD * workers + 1)))  # one is in use
    if needed > free:
        raise OSError(f"{MEMORY} has {mib(free)} of shared memory free, but data.workers={workers} need {mib(needed)} "
                      f"for batches of {batch_size} pictures of {split.name} ({mib(batch)} each): {REMEDY}")


def free_bytes() -> int | None:
    """What shared memory has left; None where the system has it elsewhere."""
    if not MEMORY.is_dir():
        return None
    found = os.statvfs(MEMORY)
    return found.f_bavail * found.f_frsize


def mib(size: float) -> str:
    """A number of bytes in words."""
    return f"{size / 2**20:,.1f} MiB"
