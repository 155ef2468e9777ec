"""Memory that the C library keeps for the next allocation."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""Numbers of parameters of glibc's `mallopt`."""
LARGEST_THRESHOLD, USUAL_MAPPINGS = 32 * 2**20, 65536
"""glibc's largest threshold, which it reaches by itself after some large allocations, and its number of mappings."""


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """Within the block what this process frees serves its next allocations, on a CPU with glibc; afterwards it goes
    back to the system. Elsewhere the block does nothing: torch keeps the memory of a GPU by itself.

    A training step allocates the same gigabytes as the one before: gradients, activations. glibc maps large blocks anew
    each time, and the system then fills each page with zeros, which takes a tenth of a step of the papers' size
    (benchmarks/RESULTS.md).

    It acts on the heap that all threads share, which is the main thread's unless MALLOC_ARENA_MAX is 1, as in workers
    of Ray (platform/cluster/session.py).
    """
    library = ctypes.CDLL(None) if device.type == "cpu" else None
    if library is None or not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    library.mallopt(MMAP_MAX, 0)
    library.mallopt(TRIM_THRESHOLD, -1)  # never
    try:
        yield
    finally:
        library.mallopt(MMAP_MAX, USUAL_MAPPINGS)
        library.mallopt(MMAP_THRESHOLD, LARGEST_THRESHOLD)
        library.mallopt(TRIM_THRESHOLD, 2 * LARGEST_THRESHOLD)
        library.malloc_trim(0)
