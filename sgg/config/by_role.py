"""Questions about all settings: the role of a key, and the keys of a role."""

from __future__ import annotations

from collections.abc import Callable

from sgg.settings.roles import Role, trains

from .schema import Settings
from .setting import Setting, settings_of


def reference() -> dict[str, Setting]:
    """Every setting by its dotted key, in the order of the schema, those of all entries of registries included."""
    return settings_of(Settings)


def role_of(key: str) -> Role:
    """The role of a dotted key. A key that the schema does not have (a file of another version may) counts as one that
    decides the trained model, so that nothing is pooled or goes on across a difference in it."""
    setting = reference().get(key)
    return trains() if setting is None else setting.role


def is_swept(key: str) -> bool:
    """Whether each trained model is measured under every value of the setting, also where it is an axis of a search."""
    return role_of(key).swept


def keys_where(holds: Callable[[Role], bool]) -> list[str]:
    """The dotted keys of settings whose role answers a question with yes."""
    return [key for key, setting in reference().items() if holds(setting.role)]
