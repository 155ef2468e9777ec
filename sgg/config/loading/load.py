"""Load a config file with `key=value` overrides: a valid Config and the axes of its search."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sgg.config.by_role import is_swept, reference
from sgg.config.config import Config
from sgg.config.defaults import in_long_form, with_current_keys
from sgg.config.schema import Settings
from sgg.methods.adjustment import ADJUSTMENTS
from sgg.methods.plugin_files import PluginError
from sgg.methods.plugins import load_plugins
from sgg.settings.keys import find, flatten, has, put, with_values, without

from .checking import checked, separately, validate
from .effects import Effects
from .errors import ConfigError
from .idle import without_effect
from .named_rows import ROW, ROWS, in_row, taken_out, tried_rows
from .overrides import is_marked, keys_of, overridden, settled
from .places import Places
from .renamed import old_keys, old_values
from .searched_entries import current_key, current_values
from .shared_values import SharedValues
from .trial_settings import settings_of_trial
from .yaml_text import read_yaml

PLUGINS = "experiment.plugins"


@dataclass(frozen=True)
class Study:
    """A config file: the settings that all trials share, and the axes along which trials differ.

    base: valid settings. A searched key has the first value of its axis, a swept one all values, those of an adjustment
    only if the model can be measured under them.
    axes: dotted key -> the mapping `{search: KIND, ...}` of the file. The search checks KIND. Rows are an axis, too
    (`named_rows.py`).
    source: the origin of the settings, for messages.
    given: the nested settings that `base` completes. Other settings may follow from a searched value, so they may
    differ between trials. In a search over the entries of a registry, it may hold settings of each searched entry; a
    trial gets those of its own entry.
    """

    base: Config
    axes: dict[str, dict[str, Any]]
    source: str
    given: dict[str, Any]

    @classmethod
    def of(cls, given: dict[str, Any], axes: dict[str, dict[str, Any]], source: str) -> Study:
        """The study of nested settings. Raises ConfigError with all faults."""
        given, axes = with_current_keys(Settings, given), current_values(axes)
        return cls(validate(settings_of_trial(given, axes), source), axes, source, given)

    def trial(self, values: dict[str, Any]) -> Config:
        """The config of one trial: the base with `values` (dotted key -> value; for `ROW` the name of a row).

        Raises ConfigError that names the faulty keys.
        """
        return validate(settings_of_trial(self.given, self.axes, values), self.source)

    def faults_alone(self, values: dict[str, Any]) -> list[str]:
        """The faults of single `values` (dotted key -> value)."""
        return separately(settings_of_trial(self.given, self.axes, values)).faults

    @property
    def adjustments(self) -> dict[str, list[Any]]:
        """The values of each adjustment that the file gives beside its rows, by the dotted key of its setting. A trial
        is measured under those that its model can give."""
        return adjustments_of(self.given)


def adjustments_of(given: dict[str, Any]) -> dict[str, list[Any]]:
    """As `Study.adjustments`, of nested settings that are valid."""
    known = {f"evaluation.{name}": reference()[f"evaluation.{name}"] for name in ADJUSTMENTS}
    return {key: setting.validated(find(given, key)) for key, setting in known.items() if has(given, key)}


def load(path: str | Path, overrides: list[str] | tuple[str, ...] = (),
         faults_of_search: Callable[[Study], list[str]] = lambda draft: []) -> Study:
    """Read a YAML file, apply `key=value` overrides, load its plugins, validate everything.

    faults_of_search: returns the faults of the axes of a draft, which is a study whose faulty settings are replaced by
    their defaults. ConfigError includes these faults.

    Raises FileNotFoundError if there is no such file, or ConfigError with all faults of file and overrides. It marks
    the faults that come from the command line; settings without effect say themselves where they stand.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such config file")
    source = f"{path} and the command line" if overrides else str(path)
    settings = _parse(path)
    for old, new in old_keys(settings).items():
        print(f"note: {path}: {old} is called {new} now", file=sys.stderr)
    for key, (was, now) in old_values(settings).items():
        print(f"note: {path}: {key}: {was} is called {now} now", file=sys.stderr)
    edited, faults_of_overrides = settings, []
    rows = next((value for key, _, value in (one.partition("=") for one in reversed(overrides)) if key == ROWS), None)
    overrides = [one for one in overrides if not one.startswith(f"{ROWS}=")]
    for override in overrides:
        edited, faults = overridden(in_long_form(Settings, edited), override)
        faults_of_overrides += faults
    settings, edited = with_current_keys(Settings, settings), with_current_keys(Settings, edited)
    _load_plugins(edited, path.parent, source)
    edited, faults_of_values = settled(edited)
    faults_of_overrides += faults_of_values
    places = _places(settings, [key for override in overrides for key in keys_of(edited, override)])
    _, faults_without_overrides, idle_without = _draft(settings, source, faults_of_search, places)
    study, faults, idle = _draft(edited, source, faults_of_search, places, rows, places.command_line)
    marked = [*faults_of_overrides, *(fault for fault in faults if fault not in faults_without_overrides)]
    faults_of_overrides = [f"{fault} (on the command line)" for fault in marked]
    faults_of_overrides += [fault for fault in idle if fault not in idle_without]  # they say where settings stand
    faults_of_file = [one for one in (*faults, *idle) if one in faults_without_overrides or one in idle_without]
    if faults_of_file or faults_of_overrides:
        raise ConfigError(str(path) if not faults_of_overrides else source if faults_of_file else "command line",
                          [*faults_of_file, *faults_of_overrides])
    return study


def _draft(settings: dict[str, Any], source: str, faults_of_search: Callable[[Study], list[str]], places: Places,
           rows: str | None = None, must_act: Collection[str] = ()) -> tuple[Study, list[str], list[str]]:
    """A study whose faulty settings are replaced by their defaults, all faults but those of settings without effect in
    any trial, and these. rows: the names of those that are tried; None: all. must_act: keys that a tried row must read.
    """
    settings, axes, faults_of_rows = taken_out(settings, rows)
    not_searched = with_current_keys(Settings, _without_axes(settings, (), axes))
    shared = SharedValues.of(not_searched, axes)
    not_searched = without(not_searched, shared.wrong)
    first_values = {key: values[0] for key, axis in axes.items()
                    if not is_swept(key) and key != ROW and (values := _values(axis))}
    # The search reports the faults of the searched values.
    wrong = separately(settings_of_trial(with_values(not_searched, first_values), axes)).wrong | shared.wrong
    given = with_values(not_searched, {key: value for key, value in first_values.items() if key not in wrong})
    base, faults = checked(settings_of_trial(given, axes))
    effects = Effects(base, given, axes, wrong)
    if idle := effects.idle():
        base, faults = checked(settings_of_trial(without(given, [one.key for one in idle]), axes))
    unread = effects.unread([key for key in dict.fromkeys(must_act) if key not in {one.key for one in idle}])
    faults += [fault for key, fault in unread.items() if not _names_section(faults, key)]
    faulty = bool(faults or idle or shared.faults)
    study = Study(base, axes, source, given if not faulty else separately(given).given)
    of_search = faults_of_search(study)
    first = next(iter(tried_rows(axes)), None)  # whose faults the search reports, with its name
    of_base = [one for one in faults if in_row(first, one) not in of_search]
    found = [*faults_of_rows, *dict.fromkeys((*shared.faults, *of_base, *of_search))]
    idle = [one for one in idle  # of an axis that is wrong by itself nothing else is said
            if not any(fault.startswith(tuple(f"{one.key}{end}" for end in " .:")) for fault in of_search)]
    return study, found, without_effect(idle, places)


def _names_section(faults: list[str], key: str) -> bool:
    """Whether a fault is about a key or a section around it."""
    parts = key.split(".")
    return any(fault.startswith(f"{'.'.join(parts[:length])} ") for fault in faults
               for length in range(1, len(parts) + 1))


def _places(settings: dict[str, Any], command_line: list[str]) -> Places:
    """Where settings stand. settings: of the file. command_line: the dotted keys that it gives."""
    searched: dict[str, dict[str, Any]] = {}
    rest = _without_axes({key: value for key, value in settings.items() if key != ROWS}, (), searched)
    return Places(set(searched), set(flatten(with_current_keys(Settings, rest))), tuple(command_line))


def _load_plugins(settings: dict[str, Any], folder: Path, source: str) -> None:
    """Load the plugins of `experiment.plugins`, and replace their names by full names. Raises ConfigError."""
    names = find(settings, PLUGINS)
    if is_marked(names):
        names = names["of"] or None  # none: `settled` reports it
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return  # the schema reports it
    try:
        plugins = load_plugins(names, [folder, Path.cwd()])
    except PluginError as error:
        raise ConfigError(source, [f"{PLUGINS}: {fault}" for fault in str(error).splitlines()]) from None
    put(settings, PLUGINS, [plugin.full_name for plugin in plugins])


def _parse(path: Path) -> dict[str, Any]:
    try:
        settings = read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"is not valid YAML: {' '.join(str(error).split())}"]) from None
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(str(path), [f"must be a mapping of settings, got a {type(settings).__name__}"])
    return settings


def _values(axis: dict[str, Any]) -> list[Any]:
    """The values that an axis `{search: KIND, ...}` lists, or the low end of its range; [] if it has neither."""
    listed = axis.get("of", [axis["low"]] if "low" in axis else [])
    return listed if isinstance(listed, list) else []


def _without_axes(settings: dict[str, Any], path: tuple[str, ...], axes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The settings without searched values, which are added to `axes`. path: the keys of the sections around them."""
    rest: dict[str, Any] = {}
    for key, value in settings.items():
        here = (*path, str(key))
        key_now = current_key(".".join(here))
        if isinstance(value, dict) and "search" in value and "." in key_now:
            axes |= current_values({key_now: value})
            if is_swept(key_now) and (values := _values(value)):
                rest[key] = values
        elif isinstance(value, dict):
            rest[key] = _without_axes(value, here, axes)
        else:
            rest[key] = value
    return rest
