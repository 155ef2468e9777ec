"""The settings of a schema by their dotted keys, read from the schema itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from sgg.settings.roles import Role
from sgg.settings.section import section_type

from .choice import Choice, choice_of

Mark = TypeVar("Mark")


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted key and its declaration.

    chosen: of which entries it is a setting, as pairs (key, name) such as ("model.head.kind", "imp"); it is there only
    where each of these keys has that name.
    """

    key: str
    field: FieldInfo
    chosen: tuple[tuple[str, str], ...] = ()

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

    def validated(self, value: Any) -> Any:
        """The value as the schema reads it, for example a list where a single value is short for one. Raises ValueError
        (pydantic's) where the declaration does not allow it."""
        return self._adapter.validate_python(value)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        declared_type: Any = Annotated[(self.field.annotation, *self.field.metadata)]  # known at run time only
        return TypeAdapter(declared_type)

    def mark(self, kind: type[Mark]) -> Mark | None:
        """What its annotation says by a mark of some kind; None where there is none."""
        return next((mark for mark in self.field.metadata if isinstance(mark, kind)), None)


@dataclass(frozen=True, kw_only=True)
class Naming(Setting):
    """A setting that names an entry of a registry. choice: the mark of the part of the schema whose entry it names."""

    choice: Choice


@cache
def declared(schema: type[BaseModel]) -> tuple[Setting, ...]:
    """Every setting of a schema in its order, those of all entries of registries included: a key that several entries
    have is there once for each."""
    return tuple(_below(schema, "", ()))


@cache
def settings_of(schema: type[BaseModel]) -> dict[str, Setting]:
    """Every setting of a schema by its dotted key, in the order of the schema. Where several entries of a registry have
    a key, it is the first one's; their roles are the same."""
    found: dict[str, Setting] = {}
    for setting in declared(schema):
        found.setdefault(setting.key, setting)
    return found


@cache
def choices_of(schema: type[BaseModel]) -> tuple[Naming, ...]:
    """The settings that name an entry of a registry."""
    return tuple(setting for setting in declared(schema) if isinstance(setting, Naming))


def applying(schema: type[BaseModel], get: Callable[[str], Any]) -> dict[str, Setting]:
    """The settings that are there by their dotted keys, those of the chosen entries among them. get: gives the name of
    an entry that is chosen, by the dotted key of the setting that names it."""
    return {setting.key: setting for setting in declared(schema)
            if all(get(key) == name for key, name in setting.chosen)}


def forget_settings() -> None:
    """Read the schemas anew when they are asked for: a registry has got another entry."""
    for known in (declared, settings_of, choices_of):
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
    """The setting that names the entry, and the settings of every entry."""
    naming = Naming(f"{key}.{choice.registry.key}", _naming_field(field, choice), chosen, choice=choice)
    found: list[Setting] = [naming]
    for name, section in choice.registry.entries.items():
        found += [setting for setting in _below(section, f"{key}.", (*chosen, (naming.key, name)))
                  if setting.key != naming.key]
    return found


def _naming_field(field: FieldInfo, choice: Choice) -> FieldInfo:
    """The declaration of the setting that names an entry: with the role that it has in the entries, the default and the
    marks that the part of the schema has."""
    registry = choice.registry
    (role,) = (mark for mark in registry.entries[registry.default].model_fields[registry.key].metadata
               if isinstance(mark, Role))
    marks = [mark for mark in field.metadata if not isinstance(mark, Choice)]
    of_names: Any = Annotated[(Literal[tuple(choice.names)], role, *marks)]  # a type that exists only at run time
    naming = FieldInfo.from_annotated_attribute(of_names, choice.default)
    about = {name: entry.model_fields[registry.key].description for name, entry in registry.entries.items()}
    naming.description = " ".join([field.description or "", *(f"{name}: {text}" for name, text in about.items())])
    return naming
