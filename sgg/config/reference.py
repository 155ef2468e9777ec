"""Every setting by its dotted key: type, default, meaning and role, read from the schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .roles import Role, trains
from .schema import Settings
from .section import section_type


@dataclass(frozen=True)
class Setting:
    """One setting. key: dotted. role: what it acts on. default, description: as the schema has them."""

    key: str
    role: Role
    default: Any
    description: str
    field: FieldInfo


@cache
def reference(schema: type[BaseModel] = Settings) -> dict[str, Setting]:
    """Every setting of a schema by its dotted key, in the order of the schema."""
    return {setting.key: setting for setting in _settings(schema, "")}


def _settings(owner: type[BaseModel], prefix: str) -> list[Setting]:
    found: list[Setting] = []
    for name, field in owner.model_fields.items():
        section = section_type(field)
        if section is not None:
            found += _settings(section, f"{prefix}{name}.")
        else:
            role = next(mark for mark in field.metadata if isinstance(mark, Role))
            found.append(Setting(prefix + name, role, field.default, field.description or "", field))
    return found


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
