"""Stores that hold other rows than asked for, for the same split: nothing is computed again without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .identity import StoreIdentity
from .image_metadata import image_attributes
from .metadata import identity_of

NAMED = 3
"""At most so many stores are named."""
OF_DATA = {"detector": "detector", "data": "annotation", "pictures": "image files"}
"""What depends on the data set in the identity of a store, in words."""


def other_stores(path: Path, wanted: StoreIdentity) -> list[str]:
    """Sentences about the image stores in the folder of `path` that are of the same kind, classes and split as `wanted`
    but differ otherwise: what differs, the one with the fewest differences first. Left out are stores of
    another data set, such as a second genome of the same study: detector, annotation and images differ, all three."""
    found = sorted(_others(path, wanted), key=lambda one: (len(one[1]), one[0]))
    said = [f"{other} ({size / 1e6:,.1f} MB) is not used, since it is of something else: {'; '.join(differ)}. "
            f"If no other run reads it, `rm -r {other}` frees its space" for other, differ, size in found[:NAMED]]
    return said + ([f"nor are {len(found) - NAMED} more in {path.parent}"] if len(found) > NAMED else [])


def _others(path: Path, wanted: StoreIdentity) -> Iterator[tuple[Path, list[str], int]]:
    for other in sorted(path.parent.glob(f"{wanted.source}-{wanted.kind}-*.zarr")):
        try:
            attributes, _ = image_attributes(other)
            found = identity_of(other, attributes)
        except (OSError, ValueError):
            continue  # unfinished, damaged, or of another version: whoever opens it gets to know
        alike = any(getattr(found, name) == getattr(wanted, name) for name in OF_DATA)
        if alike and found.classes == wanted.classes and \
                found.settings.get("part") == wanted.settings.get("part") and (differ := differences(found, wanted)):
            yield other, differ, sum(attributes["shard_bytes"])


def differences(found: StoreIdentity, wanted: StoreIdentity) -> list[str]:
    """What differs, in words."""
    listed = [f"{words} {getattr(found, name)}, not {getattr(wanted, name)}" for name, words in OF_DATA.items()
              if getattr(found, name) != getattr(wanted, name)]
    one, other = _flat(found.settings), _flat(wanted.settings)
    return listed + [f"{name} {one.get(name)}, not {other.get(name)}" for name in sorted({**one, **other})
                     if one.get(name) != other.get(name)]


def _flat(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return flat
