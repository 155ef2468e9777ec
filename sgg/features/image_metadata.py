"""The attributes in zarr.json of a sealed store with one row per image (`image_store.py`). It needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .metadata import sealed_attributes

KEY = "image_store"
VERSION = 1
ATTRIBUTES = {"codec": str, "shard_bytes": list, "classes": list, "detector": str, "data": str, "kind": str,
              "source": str, "settings": dict}
COMMAND = "python -m sgg.features maps"
REPAIR = "`python -m sgg.features repair` with the config of the run"
SHARDS_REMEDY = f"{REPAIR} computes its rows again"


def is_image_store(path: Path) -> bool:
    """Whether the zarr.json at `path` is that of a store with one row per image, of any version."""
    try:
        return KEY in json.loads((path / "zarr.json").read_bytes())["attributes"]
    except (OSError, ValueError, LookupError, TypeError):
        return False


def image_attributes(path: Path) -> tuple[dict[str, Any], int]:
    """The attributes of the store at `path`, and the number of its rows. Raises what `sealed_attributes` raises."""
    return sealed_attributes(path, KEY, (VERSION,), ATTRIBUTES, COMMAND)
