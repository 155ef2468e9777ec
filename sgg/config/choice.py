"""Fields of the schema that hold the section of one entry of a registry:
`head: Annotated[Head, Choice(HEADS)] = HEADS.default`.

In a file such a field is a mapping with the name of the entry and its settings, `{kind: imp, iterations: 3}`. The name
alone stands for the entry with its defaults. A mapping without a name belongs to the default entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from sgg.settings.section import section_type

if TYPE_CHECKING:
    from sgg.methods.registry import Registry

AUTO = "auto"


@dataclass(frozen=True)
class Choice:
    """A mark of a field that holds the section of one entry of a registry.

    auto: computes from other settings which entry the name `auto` stands for; `auto` is then the default. None: the
    field has no `auto`.
    """

    registry: Registry[Any]
    auto: Callable[[Callable[[str], Any]], str] | None = None

    @property
    def names(self) -> list[str]:
        """The names that a file may use."""
        return [*([AUTO] if self.auto else []), *self.registry]

    @property
    def default(self) -> str:
        """The name that is used if the file names none."""
        return AUTO if self.auto else self.registry.default

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: handler.generate_schema(section) for name, section in self.registry.entries.items()}
        union = core_schema.tagged_union_schema(choices, discriminator=self.registry.key)
        return core_schema.no_info_before_validator_function(self.named, union)

    def named(self, value: Any) -> Any:
        """The long form of a value, with the name of an entry. A value that is no section stays as it is."""
        value = self.in_long_form(value)
        if not isinstance(value, dict) or value.get(self.registry.key) is not None:
            return value
        return {**value, self.registry.key: self.registry.default}

    def in_long_form(self, value: Any) -> Any:
        """The mapping for a name that stands alone; other values stay as they are."""
        if isinstance(value, str) or value is False:
            value = {self.registry.key: value}
        if isinstance(value, dict) and value.get(self.registry.key) is False:  # how YAML 1.1 reads a bare `off`
            value = {**value, self.registry.key: "off"}
        return value


def choice_of(field: FieldInfo | None) -> Choice | None:
    """The mark of a field that holds the section of a registry's entry; None for all other fields."""
    return next((mark for mark in field.metadata if isinstance(mark, Choice)), None) if field is not None else None


def untagged(location: tuple[Any, ...], schema: type[BaseModel]) -> tuple[Any, ...]:
    """The path of a fault through the settings: pydantic's location without the names of entries."""
    return tuple(part for part, _ in _walk(location, schema))


def owner_of(location: tuple[Any, ...], schema: type[BaseModel]) -> tuple[type[BaseModel], str | None]:
    """The section that holds the last part of a fault's location, and its name if it is a registry's entry."""
    owner, entry = schema, None
    for _, (section, name) in _walk(location[:-1], schema):
        if section is not None:
            owner, entry = section, name
    return owner, entry


def choice_at(sections: Sequence[Any], schema: type[BaseModel]) -> Choice | None:
    """The mark of the field at a path through the schema; None if the field holds no registry's section."""
    owner: type[BaseModel] | None = schema
    choice: Choice | None = None
    for part in sections:
        field = owner.model_fields.get(part) if owner is not None else None
        choice, owner = choice_of(field), section_type(field)
    return choice


def others_with(name: str, sections: Sequence[Any], schema: type[BaseModel]) -> tuple[str, list[str]]:
    """For the registry whose section is at a path through the schema: the key that names an entry, and the names of the
    entries that have a setting `name`."""
    choice = choice_at(sections, schema)
    if choice is None:
        return "", []
    return choice.registry.key, [entry for entry, section in choice.registry.entries.items()
                                 if name in section.model_fields]


def _walk(location: tuple[Any, ...], schema: type[BaseModel],
          ) -> Iterator[tuple[Any, tuple[type[BaseModel] | None, str | None]]]:
    """Yield each part of a location that is a key of the settings, with its section and the name of its entry."""
    owner: type[BaseModel] | None = schema
    parts = iter(location)
    for part in parts:
        field = owner.model_fields.get(part) if owner is not None and isinstance(part, str) else None
        choice, entry = choice_of(field), None
        owner = section_type(field)
        if choice is not None:
            entry = next(parts, None)
            owner = choice.registry.entries.get(entry) if isinstance(entry, str) else None
        yield part, (owner, entry)
