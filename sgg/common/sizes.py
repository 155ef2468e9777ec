"""Numbers of bytes and durations in words."""

from __future__ import annotations


def gigabytes(size: float) -> str:
    """A number of bytes on a disk."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def gibibytes(size: float) -> str:
    """A number of bytes of memory, in units of 2^30, as the memory of GPUs is given."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"


def minutes(seconds: float) -> str:
    """A duration."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else \
        f"{seconds / 3600:.1f} h"
