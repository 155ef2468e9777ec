"""Versions of the packages that compute results: another version may change the last digits, sometimes more."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

NUMERICAL = ("torch", "torchvision", "numpy", "scipy", "pillow")


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that compute numbers, by name."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in NUMERICAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # installed without pip
            found[name] = "unknown"
    return found


def changed_versions(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The differences in words; "" if there are none. Packages that `then` does not name are not compared."""
    return ", ".join(f"{name} {then[name]}, now {value}" for name, value in now.items()
                     if then.get(name, value) != value)
