"""Find all faults of settings at once: of single settings, and of settings that do not agree with each other."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sgg.config.agreement import disagreements
from sgg.config.conditions import without_idle
from sgg.config.config import Config
from sgg.config.defaults import with_current_keys
from sgg.config.schema import Settings
from sgg.config.setting import choices_of
from sgg.settings.keys import find, put

from .errors import ConfigError, messages, place_of

MISNAMED = "union_tag_invalid"
"""pydantic's error type for the name of an unknown entry of a registry."""


def validate(settings: dict[str, Any], source: str = "config") -> Config:
    """The Config of nested settings. Raises ConfigError with all faults."""
    config, faults = checked(settings)
    if faults:
        raise ConfigError(source, faults)
    return config


def validate_written(settings: dict[str, Any], source: str) -> Config:
    """The Config of nested settings that a run wrote. Earlier versions allowed settings without effect, which are left
    out. Raises ConfigError as `validate`."""
    return validate(without_idle(Settings, settings), source)


def checked(settings: dict[str, Any]) -> tuple[Config, list[str]]:
    """The Config of nested settings, and all faults. If there are faults, the Config is a draft: invalid settings have
    their defaults, and settings may not agree with each other.
    """
    try:
        return Config.model_validate(settings), []
    except ValidationError:
        alone = separately(settings)
        draft = Config.model_construct(alone.settings.model_fields_set, **dict(alone.settings))
        return draft, alone.faults + disagreements(alone.settings, besides=alone.wrong)


@dataclass(frozen=True)
class Alone:
    """The result of checking each setting by itself.

    settings: invalid settings have their defaults. given: the nested settings without the invalid ones. faults: one
    line for each invalid setting. wrong: the dotted keys of these.
    """

    settings: Settings
    given: dict[str, Any]
    faults: list[str]
    wrong: set[str]


def separately(settings: dict[str, Any]) -> Alone:
    """Check each of the nested settings by itself."""
    given = settings
    faults: list[str] = []
    wrong: set[str] = set()
    while True:  # the validators of a section run only after all of its settings are valid
        try:
            return Alone(Settings.model_validate(given), given, faults, wrong)
        except ValidationError as error:
            given = with_current_keys(Settings, given)
            found = [(_within(place_of(fault, Settings), given), fault["type"]) for fault in error.errors()]
            faults += [message for message in messages(error, Settings) if message not in faults]
            wrong |= {".".join(place) for place, _ in found}
            given = _with_other_entries(given, [".".join(place) for place, kind in found if kind == MISNAMED])
            given = _leave_out(given, {place for place, kind in found if kind != MISNAMED})


def _with_other_entries(settings: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """Settings in which a known entry replaces the unknown entry of each of `keys`: the one with the most similar name,
    else the default. Settings of other entries are left out."""
    choices = {setting.key: setting.choice.registry for setting in choices_of(Settings)}
    settings = copy.deepcopy(settings)
    for key in keys:
        registry, section = choices[key], key.rpartition(".")[0]
        similar = difflib.get_close_matches(str(find(settings, key)), list(registry), n=1)
        entry = registry[similar[0] if similar else registry.default]
        of_others = {name for other in registry.entries.values() for name in other.model_fields}
        of_others -= {*entry.model_fields} - {registry.key}
        put(settings, section, {name: value for name, value in find(settings, section).items() if name not in of_others}
            | ({registry.key: similar[0]} if similar else {}))
    return settings


def _within(place: tuple[Any, ...], settings: Any) -> tuple[Any, ...]:
    """The beginning of a fault's path that consists of keys of the settings, without positions in lists and types."""
    if not place or not isinstance(settings, dict) or place[0] not in settings:
        return ()
    return (place[0], *_within(place[1:], settings[place[0]]))


def _leave_out(settings: dict[str, Any], places: Collection[tuple[Any, ...]]) -> dict[str, Any]:
    below = {key: {path[1:] for path in places if path and path[0] == key and len(path) > 1} for key in settings}
    return {key: _leave_out(value, below[key]) if below[key] else value for key, value in settings.items()
            if (key,) not in places}
