"""The settings of one trial of a search, without what only other trials have: settings of other entries of registries,
settings without effect in this trial, and values of adjustments that its model cannot give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sgg.config.conditions import Unmet, without_idle
from sgg.config.schema import Settings
from sgg.config.setting import declared, settings_of
from sgg.methods.adjustment import ADJUSTMENTS, unsuitable
from sgg.settings.keys import find, has, with_values

from .checking import separately
from .named_rows import ROW, ROWS, Axes, row_of, searched_keys
from .searched_entries import current_values, without_other_entries

OF_MODEL = ("model.", "loss.")
"""The beginnings of the keys of settings on which it depends what a model can be measured under."""


def settings_of_trial(given: dict[str, Any], axes: Axes, values: Mapping[str, Any] = MappingProxyType({}),
                      ) -> dict[str, Any]:
    """The nested settings of one trial. Its row comes after `given`, its values after that.

    given: what all trials share. axes: of the search. values: of the trial, by dotted key; for `ROW` the name of a row,
    by default the first.

    Settings of `given` that no trial of the search could use stay, so that they are refused. So does all that the row
    sets, since a row is about one configuration. Values of adjustments that no trial could be measured under do not
    stay: `platform/search/swept_values.py` refuses those.
    """
    values = current_values(dict(values))
    row = {key: value for key, value in row_of(axes, values.pop(ROW, None)).items() if key not in values}
    settings = without_other_entries(with_values(given, {**row, **values}), axes)
    return with_values(_without_unsuitable(_without_idle(settings, given, axes), axes), row)


def without_idle_anywhere(given: dict[str, Any], axes: Axes) -> dict[str, Any]:
    """The settings that all trials of a search share, without those that have no effect in any. Earlier versions
    allowed them."""
    elsewhere = _elsewhere(given, axes)
    return without_idle(Settings, given, lambda unmet: not elsewhere(unmet))


def decides_effects(key: str) -> bool:
    """Whether it depends on a setting whether others have an effect."""
    return any(other == key for setting in declared(Settings) for other, _ in setting.conditions)


def is_of_model(keys: Iterable[str]) -> bool:
    """Whether trials that differ in settings with these dotted keys have different models."""
    return any(key.startswith(OF_MODEL) for key in keys)


def _without_idle(settings: dict[str, Any], given: dict[str, Any], axes: Axes) -> dict[str, Any]:
    """Without the settings whose condition holds in other trials."""
    return without_idle(Settings, settings, _elsewhere(given, axes)) \
        if any(map(decides_effects, searched_keys(axes))) else settings


def _elsewhere(given: dict[str, Any], axes: Axes) -> Callable[[Unmet], bool]:
    """Returns whether conditions that do not hold in a trial hold in others."""
    tried = {key: _tried(key, given, axes) for key in searched_keys(axes) if decides_effects(key)}
    return lambda unmet: all(any(map(mark.holds, tried.get(other, ()))) for other, mark in unmet)


def _without_unsuitable(settings: dict[str, Any], axes: Axes) -> dict[str, Any]:
    """Without the values of adjustments that the model of this trial cannot be measured under; without all of them, the
    adjustment has the value that changes nothing."""
    swept = [name for name in ADJUSTMENTS if has(settings, f"evaluation.{name}")]
    if not swept or not is_of_model(searched_keys(axes)):
        return settings
    alone, kept = separately(settings).settings, {}
    for name in swept:
        values = alone.evaluation.values_of(name)
        if others := unsuitable(name, values, alone.trained):
            kept[f"evaluation.{name}"] = [one for one in values if one not in others] or [ADJUSTMENTS[name].neutral]
    return with_values(settings, kept)


def _tried(key: str, given: dict[str, Any], axes: Axes) -> list[Any]:
    """The values that a searched setting has in all trials, or its axis."""
    if key in axes:
        return [axes[key]]
    shared = find(given, key) if has(given, key) else settings_of(Settings)[key].default
    return [row.get(key, shared) for row in axes[ROW][ROWS].values()]
