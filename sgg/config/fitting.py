"""Settings of a search in which the entry of a registry differs from trial to trial."""

from __future__ import annotations

import copy
from typing import Any

from .keys import find, remove
from .renamed import RENAMED
from .schema import Settings
from .setting import choices_of


def todays_key(key: str) -> str:
    """A dotted key as it is called now. That of a part of the schema that holds one of a registry's sections is taken
    for the key of the entry's name: a search over `model.head` is one over `model.head.kind`."""
    key = RENAMED.get(key, key)
    return next((choice.key for choice in choices_of(Settings) if choice.key.rpartition(".")[0] == key), key)


def fitting(settings: dict[str, Any], axes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the settings of one trial without those of other entries that the search tries.

    axes: dotted key -> the mapping `{search: KIND, of: ...}`. What no tried entry has stays, for the schema to refuse.
    """
    fitted = copy.deepcopy(settings)
    for choice in choices_of(Settings):
        tried = axes.get(choice.key, {}).get("of")
        section, registry = find(fitted, choice.key.rpartition(".")[0]), choice.choice.registry
        entry = registry.entries.get(find(fitted, choice.key)) if isinstance(tried, list) else None
        if entry is None or not isinstance(section, dict):
            continue
        others = [registry[name] for name in tried if isinstance(name, str) and name in registry.entries]
        for name in list(section):
            if name not in entry.model_fields and any(name in other.model_fields for other in others):
                remove(fitted, f"{choice.key.rpartition('.')[0]}.{name}")
    return fitted
