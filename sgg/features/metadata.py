"""The attributes in zarr.json of a sealed store: its identity, counts and sizes of shards."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import array
from .identity import StoreIdentity

FOLDER = "features"
"""The folder of the stores below the cache."""
VERSION = 2
"""The version of written stores. The first edition had no checksums of rows and of zarr.json, and fill value zero."""
FIRST_EDITION = 1
"""The version of stores without checksums."""
ATTRIBUTES = {"codec": str, "shard_bytes": list, "counts": list, "classes": list, "detector": str, "data": str,
              "kind": str, "source": str, "settings": dict}
DAMAGED = "its attributes are damaged: {}; delete it and write it again"


def writing_directory(path: Path) -> Path:
    """The folder of the store at `path` while it is written."""
    return path.with_name(path.name + ".writing")


def identity_of(path: Path, attributes: dict[str, Any]) -> StoreIdentity:
    """The identity in the attributes of the store at `path`. Raises ValueError if it is damaged."""
    try:
        return StoreIdentity.from_json(attributes)
    except ValueError as error:
        raise ValueError(f"{path}: {DAMAGED.format(error)}") from None


def stamp_of(path: Path) -> tuple[int, ...]:
    """Values that change when a store is written again: file, time and size of its zarr.json; () if there is none."""
    try:
        found = os.stat(path / "zarr.json")
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def stored_identity(path: Path) -> StoreIdentity | None:
    """The identity of the sealed store at `path`; None if no store can be read there."""
    try:
        return identity_of(path, attributes_of(path))
    except (OSError, ValueError):
        return None


def attributes_of(path: Path) -> dict[str, Any]:
    """The attributes of the store. Raises what `FeatureStore.open` raises."""
    attributes, rows = sealed_attributes(path, "feature_store", (FIRST_EDITION, VERSION), ATTRIBUTES,
                                         "python -m sgg.features extract", unchecked=FIRST_EDITION)
    if (sum(attributes["counts"]), len(attributes["counts"])) != (rows, len(attributes["classes"])):
        faults = f"counts must have a number for each of {len(attributes['classes'])} classes and sum to {rows} rows"
        raise ValueError(f"{path}: {DAMAGED.format(faults)}")
    return attributes


def sealed_attributes(path: Path, kind: str, versions: tuple[int, ...], types: Mapping[str, type],
                      command: str, unchecked: int | None = None) -> tuple[dict[str, Any], int]:
    """The attributes of the sealed store at `path`, and the number of its rows.

    kind: the attribute with the version of such a store. types: of the other attributes. command: writes one.
    unchecked: the version whose zarr.json has no checksum.

    Raises FileNotFoundError if there is no store or an unfinished one; ValueError if it is no store of this kind, has
    another version, or zarr.json is damaged.
    """
    name = kind.replace("_", " ")
    if not path.exists():
        unfinished = writing_directory(path)
        if unfinished.exists():
            raise FileNotFoundError(f"{path}: not sealed yet: {unfinished} is being written, or its writer was "
                                    "stopped. Run the same command again to continue")
        raise FileNotFoundError(f"{path}: no {name} here; write one with `{command}`")
    try:
        metadata = json.loads((path / "zarr.json").read_bytes())
        attributes, rows = metadata["attributes"], metadata["shape"][0]
        shards = -(-rows // metadata["chunk_grid"]["configuration"]["chunk_shape"][0])
        version = attributes[kind]
    except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError) as error:
        raise ValueError(f"{path}: not a{'n' * (name[0] in 'aeiou')} {name}, or damaged: no zarr.json with the "
                         f"attribute {kind}; name another one, or delete it and write it again") from error
    if version not in versions:
        raise ValueError(f"{path}: {name} of version {version}, this code reads {' and '.join(map(str, versions))}; "
                         "delete it and write it again")
    if version != unchecked and attributes.get(array.CHECKSUM) != array.metadata_checksum(metadata):
        raise ValueError(f"{path}: zarr.json is damaged: it does not have its checksum; delete the store and write it "
                         "again")
    if not attributes.get("sealed"):
        raise ValueError(f"{path}: not sealed: writing was stopped before its end; delete it and write it again")
    faults = [f"{one} must be of type {wanted.__name__}" for one, wanted in types.items()
              if not isinstance(attributes.get(one), wanted)]
    faults += [f"{one} must hold whole numbers >= 0" for one in ("shard_bytes", "counts") if one in types
               and not all(type(value) is int and value >= 0 for value in attributes.get(one) or [])]
    if not faults and len(attributes["shard_bytes"]) != shards:
        faults = [f"shard_bytes must have a number for each of {shards} shards"]
    if faults:
        raise ValueError(f"{path}: {DAMAGED.format(', '.join(faults))}")
    return attributes, rows


def require_shards(path: Path, sizes: list[int], remedy: str = "") -> None:
    """Raise ValueError unless every shard has the size that it had when the store was sealed. remedy: what the user can
    do; "": delete the store."""
    for file, size in zip(array.shard_paths(path, len(sizes)), sizes, strict=True):
        found = file.stat().st_size if file.exists() else 0
        if found != size:
            raise ValueError(f"{file}: the shard has {found:,} bytes, {size:,} were written: the store is cut off or "
                             f"damaged; {remedy or f'delete {path} and write it again'}")
