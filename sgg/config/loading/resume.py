"""Which settings may differ when a run resumes (`--resume`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sgg.config.by_role import role_of
from sgg.config.conditions import idle
from sgg.config.defaults import complete
from sgg.config.schema import Settings
from sgg.config.setting import choices_of
from sgg.settings.keys import flatten, with_values
from sgg.settings.roles import Role

from .checking import separately
from .earlier import FIRST_EDITION, first_edition
from .searched_entries import current_settings, without_other_entries


def changes(then: dict[str, Any], now: dict[str, Any], fixed: Callable[[Role], bool]) -> list[str]:
    """One line for each setting that has changed and must not change.

    then, now: settings by dotted key, `then` of this edition or of an earlier one; an axis of a search is a mapping. If
    another entry of a registry is chosen, only its name is reported, not its settings.
    fixed: whether a setting with a role must keep its value.
    """
    then = _completed(current_settings(then), now)
    without_effect = idle(Settings, then.get).keys() & idle(Settings, now.get).keys()
    differing = [key for key in {**then, **now} if then.get(key) != now.get(key) and key not in without_effect
                 and fixed(role_of(key))]
    other = tuple(f"{setting.key.rpartition('.')[0]}." for setting in choices_of(Settings) if setting.key in differing)
    return [f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in differing
            if not key.startswith(other) or key in {setting.key for setting in choices_of(Settings)}]


def _completed(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """`then` with the settings that its edition lacked. Their values describe how that edition behaved; a setting
    without effect gets its value of `now`."""
    behaved = first_edition(then)
    without_effect = {key: now[key] for key in FIRST_EDITION if key in now and key not in then and key not in behaved}
    # A setting that the entries of `now` do not have is of another entry, which is reported by its name.
    known = {key: value for key, value in {**behaved, **without_effect, **then}.items()
             if key in now or key not in FIRST_EDITION}
    axes = {key: value for key, value in then.items() if isinstance(value, dict)}
    names = {setting.key for setting in choices_of(Settings)}
    values = with_values({}, {key: axes[key].get("of", [None])[0] if key in axes else value
                              for key, value in known.items() if key not in axes or key in names})
    defaults = separately(without_other_entries(values, axes)).settings
    return {**flatten(defaults.model_dump(mode="json")), **flatten(complete(Settings, values)), **axes}
