"""Defaults that depend on the data set or on other settings. Reading settings fills them in, so every config is
complete.

The defaults in the schema are those of the papers (docs/SYSTEM.md section 2). With the defaults of the toy genome a
model trains in about a minute on one core, and in three minutes with a GAN.
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
from sgg.settings.marks import ComputedDefault, DataDefaults, Get

from .choice import AUTO
from .setting import Setting, applying, choices_of, settings_of

FOUND_BY = "VG"
"""The folder in the folder of the data sets that shows that Visual Genome is there."""
WITHOUT_EFFECT = {"data.num_val_images": None, "data.exclude_left_right": False}
"""Settings that earlier versions wrote for every data set, with the value that has no effect. They are removed if the
data set does not have them."""


def complete(schema: type[BaseModel], settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings in which every default that depends on the data set or on other settings is filled in.

    Given values stay, valid or not. None means "not given" where the default depends on something, because files of
    earlier versions hold None there.
    """
    completion = _Completion(schema, with_current_keys(schema, settings))
    completion.choose_auto_entries()
    completion.fill_entries()
    completion.remove_settings_without_effect()
    completion.fill_defaults_of_data()
    completion.fill_following_defaults()
    return completion.filled


class _Completion:
    """Fills in defaults of nested settings step by step. `known`: the settings that exist, by dotted key."""

    def __init__(self, schema: type[BaseModel], filled: dict[str, Any]) -> None:
        self.schema, self.filled = schema, filled
        self.known: dict[str, Setting] = settings_of(schema)

    def get(self, key: str) -> Any:
        """The value of a dotted key, else the default of the schema."""
        value = find(self.filled, key)
        return self.known[key].default if value is None else value

    def choose_auto_entries(self) -> None:
        """Replace `auto` by the name of the entry that it stands for."""
        for naming in choices_of(self.schema):
            if naming.choice.auto is not None and self.get(naming.key) == AUTO:
                with suppress(ValueError):
                    put(self.filled, naming.key, naming.choice.auto(self.get))

    def fill_entries(self) -> None:
        """Name the default entry of each registry's section, and drop from `known` the settings of other entries."""
        for naming in choices_of(self.schema):
            if all(self.get(key) == entry for key, entry in naming.chosen):
                self._fill_for_data(naming)
        self.known = applying(self.schema, self.get)

    def remove_settings_without_effect(self) -> None:
        """Remove the settings of `WITHOUT_EFFECT` that the chosen data set does not have."""
        for key, value in WITHOUT_EFFECT.items():
            if has(self.filled, key) and key not in self.known and find(self.filled, key) in (None, value):
                remove(self.filled, key)

    def fill_defaults_of_data(self) -> None:
        """Fill in the defaults that depend on the data set."""
        for setting in self.known.values():
            # Earlier versions wrote None where the entry of a registry now has a default of its own.
            of_entry = bool(setting.chosen) and not setting.takes_none and has(self.filled, setting.key)
            if setting.mark(DataDefaults) is not None or (of_entry and setting.mark(ComputedDefault) is None):
                self._fill_for_data(setting)

    def fill_following_defaults(self) -> None:
        """Fill in the defaults that rules compute from other settings."""
        for key, setting in self.known.items():
            if (mark := setting.mark(ComputedDefault)) is not None and find(self.filled, key) is None:
                try:
                    self._fill(key, mark.rule(partial(_validated, self.known, self.get)))
                except _WrongSettingError:
                    self._fill(key, setting.default)

    def _fill_for_data(self, setting: Setting) -> None:
        name, mark = self.get("data.name"), setting.mark(DataDefaults)
        value = mark.values.get(name, setting.default) if mark and isinstance(name, str) else setting.default
        self._fill(setting.key, value)

    def _fill(self, key: str, value: Any) -> None:
        if find(self.filled, key) is None:
            with suppress(ValueError):  # a part of the key is no section: the schema reports it
                put(self.filled, key, value)


class _WrongSettingError(Exception):
    """A rule asked for a setting whose value the schema does not allow."""


def _validated(known: Mapping[str, Setting], get: Get, key: str) -> Any:
    try:
        return known[key].validated(get(key))
    except ValidationError as error:
        raise _WrongSettingError(key) from error


def with_current_keys(schema: type[BaseModel], settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings with current keys, in the long form."""
    return renamed(in_long_form(schema, settings))


def in_long_form(schema: type[BaseModel], settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings in which a mapping replaces each section that is only the name of an entry."""
    long = copy.deepcopy(settings)
    for setting in choices_of(schema):
        section = setting.key.rpartition(".")[0]
        if (value := find(long, section)) is not None:
            put(long, section, setting.choice.in_long_form(value))
    return long


def data_of_root(get: Get) -> str:
    """The data set that `data.name: auto` stands for, given the other settings."""
    return found_data(get("data.root"))


def found_data(root: Any) -> str:
    """The data set that `auto` stands for: vg if Visual Genome is in the folder of the data sets, else toy."""
    try:
        return "vg" if (Path(root).expanduser() / FOUND_BY).exists() else "toy"
    except (TypeError, RuntimeError, OSError):  # the root is invalid; the schema reports it
        return "toy"
