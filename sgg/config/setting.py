"""The settings of a schema by their dotted keys, read from the schema itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from sgg.settings.marks import ActsWith
from sgg.settings.roles import Role
from sgg.settings.section import section_type

from .choice import Choice, choice_of

Mark = TypeVar("Mark")


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted key and its declaration.

    chosen: the entries that it belongs to, as pairs (key, name) such as ("model.head.kind", "imp"). The setting exists
    only if each of these keys has this name.
    """

    key: str
    field: FieldInfo
    chosen: tuple[tuple[str, str], ...] = ()

    @cached_property
    def role(self) -> Role:
        """Its role."""
        role = self.mark(Role)
        assert role is not None  # `Section` refuses a setting without one
        return role

    @property
    def default(self) -> Any:
        """Its value if neither the user nor the data set gives another."""
        return self.field.default

    @property
    def description(self) -> str:
        """Its meaning, in one or a few lines."""
        return self.field.description or ""

    @property
    def takes_list(self) -> bool:
        """Whether its value may be a list."""
        return any(get_origin(one) is list for one in _alternatives(self.field.annotation))

    @property
    def takes_text(self) -> bool:
        """Whether its value may be any text, such as a name or a path."""
        return any(one in (str, Path) for one in _alternatives(self.field.annotation))

    @property
    def takes_none(self) -> bool:
        """Whether its value may be None."""
        return type(None) in _alternatives(self.field.annotation)

    def validated(self, value: Any) -> Any:
        """The value as the schema reads it: a single value of a list, for example, becomes a list. Raises pydantic's
        ValidationError if the declaration does not allow the value."""
        return self._adapter.validate_python(value)

    def as_written(self, value: Any) -> Any:
        """The value as a config that was written to a file has it. Raises what `validated` raises."""
        return self._adapter.dump_python(self.validated(value), mode="json")

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        declared_type: Any = Annotated[(self.field.annotation, *self.field.metadata)]  # known at run time only
        return TypeAdapter(declared_type)

    def mark(self, kind: type[Mark]) -> Mark | None:
        """The mark of a kind in its annotation; None if there is none."""
        return next(iter(self.marks(kind)), None)

    def marks(self, kind: type[Mark]) -> list[Mark]:
        """All marks of a kind in its annotation."""
        return [mark for mark in self.field.metadata if isinstance(mark, kind)]

    @cached_property
    def conditions(self) -> list[tuple[str, ActsWith]]:
        """The marks of what it needs to have an effect, each with the key of the other setting."""
        return [(mark.key(self.key), mark) for mark in self.marks(ActsWith)]


@dataclass(frozen=True, kw_only=True)
class Naming(Setting):
    """A setting that names an entry of a registry. choice: the mark of the field that holds the entry's section."""

    choice: Choice


@cache
def declared(schema: type[BaseModel]) -> tuple[Setting, ...]:
    """Every setting of a schema, in its order, including those of all entries of registries. A key that several entries
    have is listed once for each."""
    return tuple(_below(schema, "", ()))


@cache
def settings_of(schema: type[BaseModel]) -> dict[str, Setting]:
    """Every setting of a schema by its dotted key, in the order of the schema. If several entries of a registry have a
    key, the setting is that of the first; their roles are the same."""
    found: dict[str, Setting] = {}
    for setting in declared(schema):
        found.setdefault(setting.key, setting)
    return found


@cache
def choices_of(schema: type[BaseModel]) -> tuple[Naming, ...]:
    """The settings that name an entry of a registry."""
    return tuple(setting for setting in declared(schema) if isinstance(setting, Naming))


def applying(schema: type[BaseModel], get: Callable[[str], Any]) -> dict[str, Setting]:
    """The settings that exist with the chosen entries, by dotted key; not to be changed. get: returns the name of the
    chosen entry, for the dotted key of the setting that names it."""
    names = ((naming.key, get(naming.key)) for naming in choices_of(schema))
    return _of_entries_named(schema, tuple((key, name if isinstance(name, str) else None) for key, name in names))


@cache
def _of_entries_named(schema: type[BaseModel], names: tuple[tuple[str, str | None], ...]) -> dict[str, Setting]:
    chosen = dict(names)
    return {setting.key: setting for setting in declared(schema)
            if all(chosen[key] == name for key, name in setting.chosen)}


def forget_settings() -> None:
    """Clear the caches, because the entries of a registry have changed."""
    for known in (declared, settings_of, choices_of, _of_entries_named):
        known.cache_clear()


def _below(owner: type[BaseModel], prefix: str, chosen: tuple[tuple[str, str], ...]) -> list[Setting]:
    found: list[Setting] = []
    for name, field in owner.model_fields.items():
        key, choice, section = prefix + name, choice_of(field), section_type(field)
        if choice is not None:
            found += _of_entries(key, field, choice, chosen)
        elif section is not None:
            found += _below(section, f"{key}.", chosen)
        else:
            found.append(Setting(key, field, chosen))
    return found


def _of_entries(key: str, field: FieldInfo, choice: Choice, chosen: tuple[tuple[str, str], ...]) -> list[Setting]:
    """The setting that names the entry, then the settings of every entry."""
    naming = Naming(f"{key}.{choice.registry.key}", _naming_field(field, choice), chosen, choice=choice)
    found: list[Setting] = [naming]
    for name, section in choice.registry.entries.items():
        found += [setting for setting in _below(section, f"{key}.", (*chosen, (naming.key, name)))
                  if setting.key != naming.key]
    return found


def _naming_field(field: FieldInfo, choice: Choice) -> FieldInfo:
    """The declaration of the setting that names an entry. Its role is that in the entries; default and marks are those
    of the field that holds the section."""
    registry = choice.registry
    (role,) = (mark for mark in registry.entries[registry.default].model_fields[registry.key].metadata
               if isinstance(mark, Role))
    marks = [mark for mark in field.metadata if not isinstance(mark, Choice)]
    of_names: Any = Annotated[(Literal[tuple(choice.names)], role, *marks)]  # this type exists only at run time
    naming = FieldInfo.from_annotated_attribute(of_names, choice.default)
    about = {name: entry.model_fields[registry.key].description for name, entry in registry.entries.items()}
    naming.description = " ".join([field.description or "", *(f"{name}: {text}" for name, text in about.items())])
    return naming


def _alternatives(annotation: Any) -> list[Any]:
    """The types that a declaration allows, without their marks."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [one for member in get_args(annotation) for one in _alternatives(member)]
    return [annotation]
