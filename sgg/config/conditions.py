"""Settings without effect: their condition, a mark `ActsWith`, does not hold beside the other settings.

A setting that decides results (role training or measuring) and has no effect must have its default, so that nobody
believes that a run measures it. Others, of how a run runs and which trials it draws, may wait in a file. If an axis of
a search decides whether a setting has an effect, it is left out of the trials in which it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from sgg.settings.keys import find, has, remove
from sgg.settings.marks import ActsWith, DataDefaults, Get

from .defaults import complete, with_current_keys
from .setting import Setting, applying, settings_of

Unmet = list[tuple[str, ActsWith]]
"""The conditions of a setting that do not hold, each with the key of the other setting."""


def idle(schema: type[BaseModel], get: Get) -> dict[str, Unmet]:
    """The settings without effect, by dotted key, with their conditions that do not hold.

    get: returns the value of a dotted key, as the schema reads it; an axis of a search is a mapping.
    """
    return {key: unmet for key, setting in applying(schema, get).items() if setting.conditions and (
        unmet := [(other, mark) for other, mark in setting.conditions if not mark.holds(get(other))])}


def acting(schema: type[BaseModel], flat: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted key, without those that have no effect."""
    without_effect = idle(schema, flat.get)
    return {key: value for key, value in flat.items() if key not in without_effect}


def faults_without_effect(schema: type[BaseModel], get: Get, besides: Callable[[str], bool] = lambda key: False,
                          ) -> list[str]:
    """One sentence for each setting that decides results, has no effect, and has another value than its default.

    get: as in `idle`. besides: whether a setting is wrong by itself; then nothing is said about it.
    """
    known, faults = applying(schema, get), []
    for key, unmet in idle(schema, get).items():
        other, mark = unmet[0]
        if known[key].role.acts in ("training", "measuring") and not besides(key) and not besides(other) and \
                get(key) != usual(known[key], get):
            faults.append(f"{key} {get(key)} has no effect, since {other} is {get(other)}: leave it out, or use "
                          f"{mark.words(key)}")
    return faults


def without_idle(schema: type[BaseModel], settings: dict[str, Any],
                 may_go: Callable[[Unmet], bool] = lambda unmet: True) -> dict[str, Any]:
    """A copy of nested settings with current keys, without those that have no effect.

    may_go: whether a setting with these conditions that do not hold is left out.
    """
    left = with_current_keys(schema, settings)
    filled, known = complete(schema, left), settings_of(schema)

    def get(key: str) -> Any:
        value = known[key].default if key in known and not has(filled, key) else find(filled, key)
        try:
            return known[key].validated(value)
        except (KeyError, ValidationError):  # the schema reports it
            return value

    for key, unmet in idle(schema, get).items():
        if has(left, key) and may_go(unmet):
            remove(left, key)
    return left


def usual(setting: Setting, get: Get) -> Any:
    """The default of a setting with a condition."""
    by_data = setting.mark(DataDefaults)
    return setting.validated(setting.default if by_data is None else by_data.values.get(get("data.name"),
                                                                                        setting.default))
