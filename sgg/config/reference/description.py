"""The reference of all settings as text: key, type, default, meaning and roles."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from sgg.config.schema import Settings
from sgg.config.setting import Setting, choices_of, declared
from sgg.settings.marks import ActsWith, ComputedDefault, DataDefaults

from .json_schema import value_schema

WIDTH = 100
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
KINDS = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "null": "none"}


def describe_settings() -> str:
    """The text of all settings, in the order of the schema. A setting of a registry's entries names these entries."""
    found: dict[tuple[str, str, str], list[str]] = {}
    ways: dict[tuple[str, str, str], str] = {}
    for setting in declared(Settings):
        having = found.setdefault(_parts(setting), [])
        if setting.chosen:
            ways[_parts(setting)], entry = setting.chosen[-1]
            having.append(entry)
    every = {setting.key: list(setting.choice.registry) for setting in choices_of(Settings)}
    return "\n".join(_entry(*parts, f"Only with {ways[parts]} {' or '.join(having)}."
                            if having and having != every[ways[parts]] else "") for parts, having in found.items())


def _parts(setting: Setting) -> tuple[str, str, str]:
    """The first line of a setting, its meaning with the conditions under which it has an effect, and its role."""
    conditions = " and ".join(mark.words(setting.key) for mark in setting.marks(ActsWith))
    meaning = [*setting.description.split(), *([f"Acts only with {conditions}."] if conditions else [])]
    return (f"{setting.key}: {type_in_words(value_schema(setting))}; default {default_in_words(setting)}",
            " ".join(meaning), f"[{', '.join(setting.role.words)}]")


def _entry(first: str, meaning: str, role: str, only_with: str) -> str:
    text = textwrap.fill(" ".join(part for part in (meaning, only_with, role) if part), WIDTH,
                         initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"{first}\n{text}\n"


def default_in_words(setting: Setting) -> str:
    """The default, and its dependence on the data set or on other settings."""
    by_data, computed = setting.mark(DataDefaults), setting.mark(ComputedDefault)
    if computed is not None:
        return " ".join((computed.rule.__doc__ or "").split()).rstrip(".")
    values = by_data.values if by_data is not None else {}
    return _value(setting.default) + "".join(f", {_value(value)} for {data}" for data, value in values.items())


def type_in_words(schema: dict[str, Any]) -> str:
    """The values that a JSON schema allows: `whole number > 0 or none`."""
    if "anyOf" in schema:
        return " or ".join(type_in_words(form) for form in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"list of ({type_in_words(schema['items'])})"
    if schema.get("format") == "path":
        return "path"
    bounds = [f"{sign} {_value(schema[bound])}" for bound, sign in BOUNDS.items() if bound in schema]
    return " ".join([KINDS[schema["type"]], " and ".join(bounds)]).strip()


def _value(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Path():
            return str(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
