"""A JSON schema of config files. Editors use it to complete and check YAML."""

from __future__ import annotations

from functools import cache
from typing import Any

from sgg.config.choice import AUTO
from sgg.config.loading.named_rows import ROWS
from sgg.config.schema import Settings
from sgg.config.setting import Naming, Setting, choices_of, declared
from sgg.methods.registry import Registry
from sgg.settings.section import Listed, Off

AXIS = {
    "title": "A range of a search, in place of a value",
    "type": "object",
    "required": ["search"],
    "additionalProperties": False,
    "properties": {"search": {"enum": ["choice", "grid", "uniform", "loguniform", "randint"]},
                   "of": {"type": "array", "minItems": 1}, "low": {"type": "number"}, "high": {"type": "number"}},
}
TO_AXIS = {"$ref": "#/$defs/Axis"}
OF_ROWS = {
    "title": "Rows of a comparison: the settings of each, by its name",
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": r"^[^,=\n]*[^,=\s][^,=\n]*$"},
    "additionalProperties": {"anyOf": [{"type": "null"}, {"$ref": "#", "not": {"required": [ROWS]}}]},
}
_ABOUT = ("title", "description", "default")


def json_schema() -> dict[str, Any]:
    """The schema of a config file (draft 2020-12): settings, their short forms, and axes where a search allows them."""
    schema = Settings.model_json_schema()
    schema["title"] = "Settings of an experiment or a search"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"]["Axis"] = AXIS
    choices = choices_of(Settings)
    for setting in declared(Settings):
        if not isinstance(setting, Naming):
            owner, name = _owner(schema, setting)
            owner["properties"][name] = _property(owner["properties"][name], setting)
    for setting in reversed(choices):  # the inner ones first
        _choose(schema, setting)
    schema["properties"][ROWS] = OF_ROWS
    return schema


def value_schema(setting: Setting) -> dict[str, Any]:
    """The schema of one setting's value alone."""
    if isinstance(setting, Naming):
        return {"enum": setting.choice.names}
    owner, name = _owner(_plain_schema(), setting)
    return {part: value for part, value in owner["properties"][name].items() if part not in _ABOUT}


@cache
def _plain_schema() -> dict[str, Any]:
    """Pydantic's own schema. Every setting is looked up in it, so it is made once; nobody changes it."""
    return Settings.model_json_schema()


Registry.on_change.append(_plain_schema.cache_clear)


def _owner(schema: dict[str, Any], setting: Setting) -> tuple[dict[str, Any], str]:
    """The section that holds a setting, and the setting's name in it."""
    *sections, name = setting.key.split(".")
    entries = {key.rpartition(".")[0]: entry for key, entry in setting.chosen}
    owner, way = schema, ""
    for section in sections:
        way = f"{way}.{section}".removeprefix(".")
        declared_there = owner["properties"][section]
        reference = declared_there["discriminator"]["mapping"][entries[way]] if way in entries else \
            declared_there["$ref"]
        owner = schema["$defs"][reference.rpartition("/")[2]]
    return owner, name


def _property(declared_there: dict[str, Any], setting: Setting) -> dict[str, Any]:
    about = {part: declared_there[part] for part in _ABOUT if part in declared_there}
    value = {part: content for part, content in declared_there.items() if part not in _ABOUT}
    forms = [value]
    if Listed in setting.field.metadata:
        forms.append(value["items"])
    if Off in setting.field.metadata:
        forms.append({"const": False})  # YAML 1.1 reads a bare `off` as false
    if setting.role.searchable or setting.role.swept:
        forms.append(TO_AXIS)
    return {**about, **(value if len(forms) == 1 else {"anyOf": forms})}


def _choose(schema: dict[str, Any], naming: Naming) -> None:
    """Let the field of a registry's section be the name of an entry, the section of one entry, or a section without a
    fixed name, which may have the settings of all entries."""
    section_key, _, key = naming.key.rpartition(".")
    at = Setting(section_key, naming.field, naming.chosen)
    owner, part = _owner(schema, at)
    of_entries: dict[str, dict[str, Any]] = {
        name: schema["$defs"][reference.rpartition("/")[2]]
        for name, reference in owner["properties"][part]["discriminator"]["mapping"].items()}
    names = [*naming.choice.names, *([False] if "off" in of_entries else [])]
    searched = [TO_AXIS] if naming.role.searchable else []
    forms = {name: {**section, "required": [key]} for name, section in of_entries.items()}
    shared = {name: _any([section["properties"][name] for section in of_entries.values()
                          if name in section["properties"]])
              for name in dict.fromkeys(name for section in of_entries.values() for name in section["properties"])}
    shared |= {key: {"description": naming.description, "anyOf": [{"enum": names}, *searched]}}
    not_named: list[Any] = [{"not": {"required": [key]}}, *({"properties": {key: TO_AXIS}} for _ in searched)]
    not_named += [{"properties": {key: {"const": AUTO}}}] if AUTO in names else []
    about = {part: value for part, value in owner["properties"][part].items() if part in _ABOUT}
    owner["properties"][part] = {**about, "anyOf": [
        {"enum": names}, *searched, *forms.values(),
        {"type": "object", "properties": shared, "additionalProperties": False, "anyOf": not_named}]}


def _any(forms: list[dict[str, Any]]) -> dict[str, Any]:
    """A schema that allows what one of `forms` allows; equal forms are listed once."""
    distinct = [form for position, form in enumerate(forms) if form not in forms[:position]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
