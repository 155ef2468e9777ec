"""Every fault of some settings at once: of each by itself, and of those that do not fit together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from .agreement import disagreements
from .errors import ConfigError, messages
from .experiment import Config
from .schema import Settings


def validate(settings: dict[str, Any], source: str = "config") -> Config:
    """The Config of nested settings; raises ConfigError with every fault."""
    config, faults = checked(settings)
    if faults:
        raise ConfigError(source, faults)
    return config


def checked(settings: dict[str, Any]) -> tuple[Config, list[str]]:
    """The Config of nested settings and every fault. Where there are faults it is a draft, valid setting by setting:
    what is wrong by itself is left at its default.
    """
    try:
        return Config.model_validate(settings), []
    except ValidationError:
        alone = separately(settings)
        draft = Config.model_construct(alone.settings.model_fields_set, **dict(alone.settings))
        return draft, alone.faults + disagreements(alone.settings, besides=alone.wrong)


@dataclass(frozen=True)
class Alone:
    """Settings, each by itself. settings: those that are wrong are left at their defaults. given: the nested settings
    without them. faults: one line for each. wrong: their dotted keys."""

    settings: Settings
    given: dict[str, Any]
    faults: list[str]
    wrong: set[str]


def separately(settings: dict[str, Any]) -> Alone:
    """What is right and what is wrong of nested settings, each by itself."""
    try:
        return Alone(Settings.model_validate(settings), settings, [], set())
    except ValidationError as error:
        wrong = {_place(fault["loc"], settings) for fault in error.errors()}
        given = _leave_out(settings, wrong)
        return Alone(Settings.model_validate(given), given, messages(error, Settings),
                     {".".join(map(str, path)) for path in wrong})


def _place(location: tuple[Any, ...], settings: Any) -> tuple[Any, ...]:
    """The part of a fault's location that is a way through the settings: no position in a list, no kind of value."""
    if not location or not isinstance(settings, dict) or location[0] not in settings:
        return ()
    return (location[0], *_place(location[1:], settings[location[0]]))


def _leave_out(settings: dict[str, Any], places: Collection[tuple[Any, ...]]) -> dict[str, Any]:
    below = {key: {path[1:] for path in places if path[0] == key and len(path) > 1} for key in settings}
    return {key: _leave_out(value, below[key]) if below[key] else value for key, value in settings.items()
            if (key,) not in places}
