"""Settings on the command line: `key=value`, with a value in YAML.

A value with commas, `loss.kind=baseline,dnorm`, stands for several values. It is a list if the setting takes a list.
Else it is an axis of the search, if the setting can be searched. Of any other setting it is a text that holds a comma,
such as the name of a folder. `loss.kind=`, without a value, is a fault unless the setting takes a text. What a setting
takes is known only after the plugins are loaded, which are settings too. So such values are marked first
(`overridden`), and the marks are replaced later (`settled`).
"""

from __future__ import annotations

import re
import sys
from typing import Any

import yaml

from sgg.config.by_role import reference
from sgg.config.defaults import with_current_keys
from sgg.config.schema import Settings
from sgg.settings.keys import find, flatten, put, remove, with_values

from .renamed import current_item, new_key_in, old_keys, old_values
from .searched_entries import current_key
from .yaml_text import read_yaml

COMMAS = "commas"
"""Marks values with commas: `{search: COMMAS, of: values, text: the text that was given}`, like an axis of a search.
`of` is empty where no value was given."""
QUOTED = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'""", re.DOTALL)
"""A text in quotes, as YAML has it."""
OPENING = ("", "[", "{", ",", ":")
"""The last letter before a quote that begins a text. After any other letter a quote is a part of the text."""


def overridden(settings: dict[str, Any], override: str) -> tuple[dict[str, Any], list[str]]:
    """The settings with the value of an override `key=value`, and its faults. The key may be a former one."""
    key, separator, text = override.partition("=")
    if not separator or not key:
        return settings, [f"{override!r} must have the form key=value, for example loss.kind=dnorm"]
    if (new := new_key_in(settings, key)) != key:
        print(f"note: {key} is called {new} now (on the command line)", file=sys.stderr)
    try:
        given = _given(text)
        _, value = current_item(key, given)
        for old in [old for old, now in old_keys(settings).items() if now == new]:
            remove(settings, old)
        put(settings, _place(settings, new) if is_marked(value) else new, value)
        for changed, (was, now) in old_values(with_values({}, {key: given})).items():
            print(f"note: {changed}: {was} is called {now} now (on the command line)", file=sys.stderr)
    except yaml.YAMLError as error:
        return settings, [f"{new}: {text!r} is not YAML: {' '.join(str(error).split())}"]
    except ValueError as error:
        return settings, [str(error)]
    return settings, []


def keys_of(settings: dict[str, Any], override: str) -> list[str]:
    """The dotted keys of the settings that an override gives, beside these nested settings. The plugins must be loaded.
    """
    key, _, text = override.partition("=")
    try:
        key, value = new_key_in(settings, key), _given(text)
    except yaml.YAMLError:  # `overridden` reports it
        return []
    if not isinstance(value, dict) or "search" in value:
        return [current_key(key)]
    below = flatten(with_current_keys(Settings, with_values({}, {key: value})))
    return [one for one in reference() if any(f"{name}.".startswith(f"{one}.") for name in below)]


def settled(settings: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Nested settings in which marked values are what their settings take, and a fault for each setting that was given
    no value, which is left out. The plugins must be loaded.

    An axis is a grid, which tries every value; with `search.algorithm` optuna, which takes no grid, it is a choice.
    """
    faults: list[str] = []
    kind = "choice" if find(settings, "search.algorithm") == "optuna" else "grid"
    return _settled(settings, "", kind, faults), faults


def is_marked(value: Any) -> bool:
    """Whether `overridden` has marked a value."""
    return isinstance(value, dict) and value.get("search") == COMMAS and "text" in value


def pieces(text: str) -> list[str]:
    """The parts of a text that commas separate. Commas in quotes, brackets and braces separate nothing."""
    found, depth, at = [""], 0, 0
    while at < len(text):
        quoted = QUOTED.match(text, at) if found[-1].rstrip()[-1:] in OPENING else None
        part = quoted[0] if quoted else text[at]
        depth += (part in "[{") - (part in "]}")
        if part == "," and depth == 0:
            found.append("")
        else:
            found[-1] += part
        at += len(part)
    return found


def _place(settings: dict[str, Any], key: str) -> str:
    """The key at which an axis of `key` stands. For the section of a registry's entry it is the entry's name, so other
    settings of the section stay."""
    section = find(settings, key)
    return key if isinstance(section, dict) and "search" in section else current_key(key)


def _given(text: str) -> Any:
    """The value of a text, which is marked if it is empty or has several parts."""
    parts = pieces(text)
    if not text.strip():
        return {"search": COMMAS, "of": [], "text": text}
    if len(parts) == 1 or not all(part.strip() for part in parts):
        return read_yaml(text)
    return {"search": COMMAS, "of": [read_yaml(part) for part in parts], "text": text}


def _settled(settings: dict[str, Any], prefix: str, kind: str, faults: list[str]) -> dict[str, Any]:
    rest: dict[str, Any] = {}
    for key, value in settings.items():
        here = f"{prefix}{key}"
        if is_marked(value) and not value["of"] and (fault := _fault_of_no_value(here)):
            faults.append(fault)
        elif is_marked(value):
            rest[key] = _meaning(here, value, kind) if value["of"] else None
        else:
            rest[key] = _settled(value, f"{here}.", kind, faults) if isinstance(value, dict) else value
    return rest


def _fault_of_no_value(key: str) -> str:
    """Why a key cannot be given nothing; "" for a text, for which it means none, and for an unknown key, which the
    schema reports."""
    setting = reference().get(current_key(key))
    if setting is None:
        known = any(one.startswith(f"{key}.") for one in reference())
        return f"{key} is a section of settings: give a value to one of them" if known else ""
    if setting.takes_text:
        return ""
    none = "; null stands for none" if setting.takes_none else ""
    return f"{key} is given no value: write one after the =, or leave it out to keep that of the file{none}"


def _meaning(key: str, marked: dict[str, Any], kind: str) -> Any:
    setting, values = reference().get(current_key(key)), marked["of"]
    if setting is not None and setting.takes_list and not any(isinstance(value, list) for value in values):
        return values
    if setting is None or setting.role.searchable or setting.role.swept:  # None: the search reports the unknown key
        return {"search": kind, "of": values}
    try:
        return read_yaml(marked["text"])
    except yaml.YAMLError:  # as in "a",b
        return marked["text"]
