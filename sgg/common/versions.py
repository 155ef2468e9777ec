"""Which packages computed something: other versions give other last digits, and now and then more."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

NUMERICAL = ("torch", "torchvision", "numpy", "scipy", "pillow")


def versions() -> dict[str, str]:
    """Python's version and those of the packages that numbers go through, by name."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in NUMERICAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # put there without pip
            found[name] = "unknown"
    return found


def changed_versions(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What differs, in words; "" where nothing does. What `then` does not name is not compared."""
    return ", ".join(f"{name} {then[name]}, now {value}" for name, value in now.items()
                     if then.get(name, value) != value)
