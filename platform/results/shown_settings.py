"""Which settings stand in the columns of a table: those in which its rows differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sgg.config.by_role import reference, role_of
from sgg.config.loading.named_rows import ROW


class WithSettings(Protocol):
    """What is asked of an outcome (`outcome.Outcome`)."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its settings by dotted key."""


def shown_settings(outcomes: Sequence[WithSettings], searched: Sequence[str]) -> list[str]:
    """The searched keys, and then other keys that differ between trials, without those that follow from the name of
    the row (`rows` of a config)."""
    keys = [key for key in searched if not role_of(key).swept]
    for key in dict.fromkeys(key for outcome in outcomes for key in outcome.settings):
        # Settings of one entry of a registry distinguish no trials that the entry's name does not.
        of_entry = (setting := reference().get(key)) is not None and bool(setting.chosen)
        values = {repr(outcome.settings.get(key)) for outcome in outcomes
                  if key in outcome.settings or not of_entry}
        if key not in keys and len(values) > 1 and not _follows_from_row(key, outcomes):
            keys.append(key)
    return [key for key in keys if any(key in outcome.settings for outcome in outcomes)]


def _follows_from_row(key: str, outcomes: Sequence[WithSettings]) -> bool:
    """Whether all outcomes are of named rows, and those of a row have the same value."""
    values: dict[Any, set[str]] = {}
    for outcome in outcomes:
        values.setdefault(outcome.settings.get(ROW), set()).add(repr(outcome.settings.get(key)))
    return key != ROW and None not in values and all(len(found) == 1 for found in values.values())
