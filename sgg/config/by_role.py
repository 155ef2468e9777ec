"""Roles by key: the role of a setting, and the settings that have a role."""

from __future__ import annotations

from collections.abc import Callable

from sgg.settings.roles import Role, trains

from .schema import Settings
from .setting import Setting, settings_of


def reference() -> dict[str, Setting]:
    """Every setting by its dotted key, in the order of the schema. All entries of registries are included."""
    return settings_of(Settings)


def role_of(key: str) -> Role:
    """The role of a dotted key. An unknown key (from a file of another version) counts as a setting that decides the
    trained model: results that differ in it are not pooled, and a run that differs in it does not resume."""
    setting = reference().get(key)
    return trains() if setting is None else setting.role


def is_swept(key: str) -> bool:
    """Whether each trained model is measured under every value of the setting, even if it is an axis of a search."""
    return role_of(key).swept


def keys_where(holds: Callable[[Role], bool]) -> list[str]:
    """The dotted keys of the settings for whose role `holds` returns true."""
    return [key for key, setting in reference().items() if holds(setting.role)]
