import ctypes
import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from sgg.common.heap import freed_memory_kept

MIB = 2**20


def resident() -> int:
    """The bytes of memory that this process has from the system."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc has mallopt")
def test_freed_memory_kept_until_the_end_of_the_block():
    """A block of 256 MiB, which glibc would give back at once: above 32 MiB it maps each block by itself."""
    with freed_memory_kept(torch.device("cpu")):
        before = resident()
        large = torch.ones(256 * MIB, dtype=torch.uint8)
        del large
        assert resident() - before > 200 * MIB
    assert resident() - before < 50 * MIB
    before = resident()
    large = torch.ones(256 * MIB, dtype=torch.uint8)
    del large
    assert resident() - before < 50 * MIB


def test_freed_memory_kept_ends_after_an_error():
    before = resident()
    with suppress(KeyError), freed_memory_kept(torch.device("cpu")):
        large = torch.ones(256 * MIB, dtype=torch.uint8)
        del large
        raise KeyError
    assert resident() - before < 50 * MIB


def test_freed_memory_kept_leaves_the_heap_alone_for_a_gpu(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("no library is needed"))
    with freed_memory_kept(torch.device("cuda")):
        pass
