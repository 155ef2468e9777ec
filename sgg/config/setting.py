"""The settings of a schema by their dotted keys, read from the schema itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .roles import Role
from .section import section_type

Mark = TypeVar("Mark")


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted key and its declaration."""

    key: str
    field: FieldInfo

    @property
    def role(self) -> Role:
        """What it acts on."""
        role = self.mark(Role)
        assert role is not None  # `Section` refuses a setting without one
        return role

    @property
    def default(self) -> Any:
        """Its value where neither the user nor the data say otherwise."""
        return self.field.default

    @property
    def description(self) -> str:
        """What it means, in one or a few lines."""
        return self.field.description or ""

    def mark(self, kind: type[Mark]) -> Mark | None:
        """What its annotation says by a mark of some kind; None where there is none."""
        return next((mark for mark in self.field.metadata if isinstance(mark, kind)), None)


@cache
def settings_of(schema: type[BaseModel]) -> dict[str, Setting]:
    """Every setting of a schema by its dotted key, in the order of the schema."""
    return {setting.key: setting for setting in _below(schema, "")}


def _below(owner: type[BaseModel], prefix: str) -> list[Setting]:
    found: list[Setting] = []
    for name, field in owner.model_fields.items():
        section = section_type(field)
        found += [Setting(prefix + name, field)] if section is None else _below(section, f"{prefix}{name}.")
    return found
