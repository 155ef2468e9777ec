"""A JSON schema of config files, with which editors complete and check YAML."""

from __future__ import annotations

from functools import cache
from typing import Any

from .reference import reference
from .schema import Settings
from .section import Listed, Off
from .setting import Setting

AXIS = {
    "title": "A range of a search, in place of a value",
    "type": "object",
    "required": ["search"],
    "additionalProperties": False,
    "properties": {"search": {"enum": ["choice", "grid", "uniform", "loguniform", "randint"]},
                   "of": {"type": "array", "minItems": 1}, "low": {"type": "number"}, "high": {"type": "number"}},
}


def json_schema() -> dict[str, Any]:
    """The schema of a config file (draft 2020-12): settings, their short forms, and axes where a search allows them."""
    schema = Settings.model_json_schema()
    schema["title"] = "Settings of an experiment or a search"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"]["Axis"] = AXIS
    for key, setting in reference().items():
        owner, name = _owner(schema, key)
        owner["properties"][name] = _property(owner["properties"][name], setting)
    return schema


def value_schema(key: str) -> dict[str, Any]:
    """The schema of one setting's value alone."""
    owner, name = _owner(_plain_schema(), key)
    return {part: value for part, value in owner["properties"][name].items() if part not in _ABOUT}


@cache
def _plain_schema() -> dict[str, Any]:
    """Pydantic's own schema, made once: every setting is looked up in it. It is only read."""
    return Settings.model_json_schema()


_ABOUT = ("title", "description", "default")


def _owner(schema: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The section that a dotted key is in, and its name there."""
    *sections, name = key.split(".")
    owner = schema
    for section in sections:
        reference_to = owner["properties"][section]["$ref"]
        owner = schema["$defs"][reference_to.rpartition("/")[2]]
    return owner, name


def _property(declared: dict[str, Any], setting: Setting) -> dict[str, Any]:
    about = {part: declared[part] for part in _ABOUT if part in declared}
    value = {part: content for part, content in declared.items() if part not in _ABOUT}
    forms = [value]
    if Listed in setting.field.metadata:
        forms.append(value["items"])
    if Off in setting.field.metadata:
        forms.append({"const": False})  # YAML 1.1 reads a bare `off` so
    if setting.role.searchable or setting.role.swept:
        forms.append({"$ref": "#/$defs/Axis"})
    return {**about, **(value if len(forms) == 1 else {"anyOf": forms})}
