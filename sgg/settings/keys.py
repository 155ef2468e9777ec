"""Nested settings and dotted keys: `{"training": {"epochs": 5}}` and `training.epochs`."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested settings by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def find(settings: dict[str, Any], key: str) -> Any:
    """The value of a dotted key in nested settings; None if the key is not there."""
    found: Any = settings
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def has(settings: dict[str, Any], key: str) -> bool:
    """Whether nested settings have a dotted key. Its value may be None."""
    *sections, name = key.split(".")
    owner = find(settings, ".".join(sections)) if sections else settings
    return isinstance(owner, dict) and name in owner


def remove(settings: dict[str, Any], key: str) -> None:
    """Remove a dotted key from nested settings, in place, and each section that becomes empty."""
    *sections, name = key.split(".")
    owner = find(settings, ".".join(sections)) if sections else settings
    del owner[name]
    if sections and not owner:
        remove(settings, ".".join(sections))


def without(settings: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """A copy of nested settings without these dotted keys, and without each section that becomes empty."""
    settings = copy.deepcopy(settings)
    for key in keys:
        if has(settings, key):
            remove(settings, key)
    return settings


def with_values(settings: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings in which `values` (dotted key -> value) replace or add values."""
    settings = copy.deepcopy(settings)
    for key, value in values.items():
        put(settings, key, value)
    return settings


def put(settings: dict[str, Any], key: str, value: Any) -> None:
    """Put one value into nested settings, in place. Raises ValueError if a part of the key names a value, no section.
    """
    *sections, name = key.split(".")
    for depth, section in enumerate(sections):
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise ValueError(f"{key}: {'.'.join(sections[:depth + 1])} is no section of settings")
    settings[name] = value
