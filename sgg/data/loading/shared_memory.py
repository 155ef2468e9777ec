"""Check the size of shared memory, through which loading processes pass batches (`shared_batch.py`). A container has
only 64 MiB by default.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sgg.data.dataset import Split

MEMORY = Path("/dev/shm")
AHEAD = 2
"""The number of batches that each process loads ahead, torch's `prefetch_factor`."""
REMEDY = ("give it more (docker run --shm-size=8g; in Kubernetes a volume `emptyDir: {medium: Memory}` at /dev/shm), "
          "use fewer data.workers or smaller batches, or set data.workers=0, which loads in the training process")


def require(split: Split, batch_size: int, workers: int, largest: int | None = None) -> None:
    """Raise OSError with the remedy if shared memory is too small for the batches that `workers` processes load ahead.

    The needed size is computed from the mean image size of the split; it is at least the size of the largest possible
    batch. Memory that other processes will allocate later is not known. largest: larger images are resized to it.
    """
    free = free_bytes()
    if not workers or free is None or not len(split):
        return
    sides = split.annotations.sizes.max(1).astype(np.int64)
    if largest is not None:
        sides = np.minimum(sides, largest)
    image_bytes = np.sort(3 * sides ** 2)  # three channels of a byte
    batch = image_bytes.mean() * min(batch_size, len(image_bytes))
    needed = int(max(image_bytes[-batch_size:].sum(), batch * (AHEAD * workers + 1)))  # one batch is in use
    if needed > free:
        raise OSError(f"{MEMORY} has {mib(free)} of shared memory free, but data.workers={workers} needs {mib(needed)} "
                      f"for batches of {batch_size} images of {split.name} ({mib(batch)} each): {REMEDY}")


def free_bytes() -> int | None:
    """The free bytes of shared memory; None if the system has it elsewhere."""
    if not MEMORY.is_dir():
        return None
    found = os.statvfs(MEMORY)
    return found.f_bavail * found.f_frsize


def mib(size: float) -> str:
    """A number of bytes in MiB, as text."""
    return f"{size / 2**20:,.1f} MiB"
