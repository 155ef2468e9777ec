"""Settings of a search over the entries of a registry, and dotted keys of earlier versions in such settings."""

from __future__ import annotations

import copy
from typing import Any

from sgg.config.choice import AUTO
from sgg.config.defaults import with_current_keys
from sgg.config.schema import Settings
from sgg.config.setting import Naming, choices_of, settings_of
from sgg.settings.keys import find, flatten, remove, with_values

from .named_rows import ROW, ROWS
from .renamed import current_item, new_key


def current_key(key: str) -> str:
    """The current name of a dotted key. The key of a registry's section stands for the key of the entry's name: a
    search over `model.head` is a search over `model.head.kind`."""
    key = new_key(key)
    return next((choice.key for choice in choices_of(Settings) if choice.key.rpartition(".")[0] == key), key)


def current_values(values: dict[str, Any]) -> dict[str, Any]:
    """Values by dotted key, with current keys and values. A value may be an axis of a search."""
    naming = {choice.key for choice in choices_of(Settings)}
    found = {}
    for key, value in (current_item(key, value) for key, value in values.items()):
        key = current_key(key)
        found[key] = _with_off(value) if key in naming else value
    return found


def _with_off(value: Any) -> Any:
    """The name of an entry, or an axis over names, with `off` in place of false: YAML 1.1 reads a bare `off` as false.
    """
    if isinstance(value, dict) and isinstance(value.get("of"), list):
        return {**value, "of": [_with_off(one) for one in value["of"]]}
    return "off" if value is False else value


def current_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """All settings of a run by dotted key, with current keys and values. A value may be an axis of a search. Settings
    that had no effect are left out."""
    axes = {key: value for key, value in settings.items() if isinstance(value, dict)}
    enabled = current_values({key: value for key, value in axes.items() if key == "gan.enabled"})
    plain = with_values({}, {key: value for key, value in settings.items() if key not in axes} | enabled)
    return {key: value for key, value in flatten(with_current_keys(Settings, plain)).items()
            if not any(key.startswith(f"{axis}.") for axis in enabled)} | current_values(axes)


def without_other_entries(settings: dict[str, Any], axes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the settings of one trial, without settings that belong only to other entries of the search.

    axes: dotted key -> the mapping `{search: KIND, of: ...}`; rows may choose entries, too. A setting that no searched
    entry has stays, so that the schema refuses it.
    """
    fitted = copy.deepcopy(settings)
    for choice in choices_of(Settings):
        tried = _tried(choice, axes)
        section, registry = find(fitted, choice.key.rpartition(".")[0]), choice.choice.registry
        entry = registry.entries.get(_entry_of(choice, fitted)) if tried else None
        if entry is None or not isinstance(section, dict):
            continue
        others = [registry[_entry_of(choice, with_values(fitted, {choice.key: name}))] for name in tried
                  if name == AUTO or (isinstance(name, str) and name in registry.entries)]
        for name in list(section):
            if name not in entry.model_fields and any(name in other.model_fields for other in others):
                remove(fitted, f"{choice.key.rpartition('.')[0]}.{name}")
    return fitted


def _tried(choice: Naming, axes: dict[str, Any]) -> list[Any]:
    """The names of entries that an axis, or any row of the file, chooses for a section."""
    searched, rows = axes.get(choice.key, {}).get("of"), axes.get(ROW, {}).get(ROWS, {})
    return searched if isinstance(searched, list) else [row[choice.key] for row in rows.values() if choice.key in row]


def _entry_of(choice: Naming, settings: dict[str, Any]) -> Any:
    """The name of the chosen entry; for `auto`, the entry that it stands for."""
    name, known = find(settings, choice.key), settings_of(Settings)
    name = choice.choice.default if name is None else name  # a row may leave it out

    def get(key: str) -> Any:
        value = find(settings, key)
        return known[key].default if value is None else value

    return choice.choice.auto(get) if name == AUTO and choice.choice.auto is not None else name
