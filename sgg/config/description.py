"""The reference of all settings as text: key, type, default, meaning and roles."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from .defaults import Follows, Suits
from .json_schema import value_schema
from .reference import reference
from .setting import Setting

WIDTH = 100
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
KINDS = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "null": "none"}


def describe_settings() -> str:
    """Every setting, in the order of the schema."""
    return "\n".join(_entry(setting) for setting in reference().values())


def _entry(setting: Setting) -> str:
    about = f"{setting.description} " if setting.description else ""
    text = textwrap.fill(f"{' '.join(about.split())} [{', '.join(setting.role.words)}]", WIDTH,
                         initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"{setting.key}: {type_in_words(value_schema(setting.key))}; default {default_in_words(setting)}\n{text}\n"


def default_in_words(setting: Setting) -> str:
    """The default, with what it depends on."""
    suited, follows = setting.mark(Suits), setting.mark(Follows)
    if follows is not None:
        return " ".join((follows.rule.__doc__ or "").split()).rstrip(".")
    others = "" if suited is None else "".join(f", {_value(value)} for {data}" for data, value in suited.values.items())
    return _value(setting.default) + others


def type_in_words(schema: dict[str, Any]) -> str:
    """What values a JSON schema allows: `whole number > 0 or none`."""
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
