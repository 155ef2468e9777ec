"""Defaults that depend on the data set or on other settings. They are filled in as settings are read, so that a config
that exists is complete.

The defaults in the schema are the papers' (docs/SYSTEM.md section 2). Those of the toy genome are the ones under which
it trains in about a minute on one core, and with a GAN in three.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sgg.config.loading.renamed import renamed
from sgg.settings.keys import find, has, put, remove
from sgg.settings.marks import Follows, Get, Suits

from .choice import AUTO
from .setting import Setting, applying, choices_of, settings_of

FOUND_BY = "VG"
"""The folder, under that of the data sets, by which Visual Genome is found."""
WITHOUT_EFFECT = {"data.num_val_images": None, "data.exclude_left_right": False}
"""Settings that earlier versions wrote for every data set, with the value that had no effect; they are left out where
the data set does not have them."""


# Its complexity is that of small steps, one after another, which read and write the same two tables.
def complete(schema: type[BaseModel], settings: dict[str, Any]) -> dict[str, Any]:  # noqa: C901
    """Nested settings with every default that depends on the data set or on other settings filled in.

    What is given stays, right or wrong; None counts as not given where a default depends on something, as in files of
    earlier versions.
    """
    filled = with_current_keys(schema, settings)
    known: dict[str, Setting] = settings_of(schema)

    def get(key: str) -> Any:
        value = find(filled, key)
        return known[key].default if value is None else value

    def fill(key: str, value: Any) -> None:
        if find(filled, key) is None:
            with suppress(ValueError):  # a part of the way is no section: the schema says so
                put(filled, key, value)

    for naming in choices_of(schema):
        if naming.choice.auto is not None and get(naming.key) == AUTO:
            with suppress(ValueError):
                put(filled, naming.key, naming.choice.auto(get))
    name = get("data.name")

    def suit(setting: Setting) -> None:
        mark = setting.mark(Suits)
        fill(setting.key, mark.values.get(name, setting.default) if mark and isinstance(name, str) else setting.default)

    for naming in choices_of(schema):
        if all(get(key) == entry for key, entry in naming.chosen):
            suit(naming)
    known = applying(schema, get)
    for key, value in WITHOUT_EFFECT.items():
        if has(filled, key) and key not in known and find(filled, key) in (None, value):
            remove(filled, key)
    for setting in known.values():
        # Earlier versions wrote None for what now is the entry's own default.
        of_entry = bool(setting.chosen) and setting.default is not None and has(filled, setting.key)
        if setting.mark(Suits) is not None or (of_entry and setting.mark(Follows) is None):
            suit(setting)
    for key, setting in known.items():
        if (mark := setting.mark(Follows)) is not None and find(filled, key) is None:
            try:
                fill(key, mark.rule(partial(_validated, known, get)))
            except _WrongSettingError:
                fill(key, setting.default)
    return filled


class _WrongSettingError(Exception):
    """A rule asked for a setting whose value the schema does not allow."""


def _validated(known: Mapping[str, Setting], get: Get, key: str) -> Any:
    try:
        return known[key].validated(get(key))
    except ValidationError as error:
        raise _WrongSettingError(key) from error


def with_current_keys(schema: type[BaseModel], settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings with the keys of today, in the long form."""
    return renamed(in_long_form(schema, settings))


def in_long_form(schema: type[BaseModel], settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings in which each name of a registry's entry that stands alone is the mapping that it is
    short for."""
    long = copy.deepcopy(settings)
    for setting in choices_of(schema):
        section = setting.key.rpartition(".")[0]
        if (value := find(long, section)) is not None:
            put(long, section, setting.choice.in_long_form(value))
    return long


def data_of_root(get: Get) -> str:
    """What `data.name: auto` is for the other settings."""
    return found_data(get("data.root"))


def found_data(root: Any) -> str:
    """What `auto` is: Visual Genome where it is under the folder of the data sets, else the toy genome."""
    try:
        return "vg" if (Path(root).expanduser() / FOUND_BY).exists() else "toy"
    except (TypeError, RuntimeError, OSError):  # a root that is wrong itself
        return "toy"
