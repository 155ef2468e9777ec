"""Settings that all rows of a config share: whether each is valid, also where rows replace it or do not have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sgg.config.schema import Settings
from sgg.config.setting import Setting, choices_of, declared, settings_of
from sgg.settings.keys import with_values

from .checking import separately
from .named_rows import ROW, Axes


@dataclass(frozen=True)
class SharedValues:
    """The result of checking what stands beside rows.

    faults: one line for each invalid value. wrong: the dotted keys of these.
    """

    faults: list[str]
    wrong: set[str]

    @classmethod
    def of(cls, settings: dict[str, Any], axes: Axes) -> SharedValues:
        """Check nested settings and the values of axes; without rows nothing, since every value then stands in a trial.

        A value is valid if an entry of a registry takes it. Whether the entry of a trial does, the trial finds out.
        """
        found = cls([], set())
        if ROW not in axes:
            return found
        searched = ((key, value) for key, axis in axes.items() if key != ROW for value in _values(axis))
        for key, value in (*_leaves(settings, ""), *searched):
            if faults := _faults_of(key, value):
                found.faults.extend(fault for fault in faults if fault not in found.faults)
                found.wrong.add(key)
        return found


def _leaves(settings: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """The values of nested settings by dotted key. A mapping in place of the value of a setting is a value."""
    for name, value in settings.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and key not in settings_of(Settings):
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _values(axis: dict[str, Any]) -> list[Any]:
    listed = axis.get("of")
    return listed if isinstance(listed, list) else [axis[end] for end in ("low", "high") if end in axis]


def _faults_of(key: str, value: Any) -> list[str]:
    """The faults of a value with the first entry that has its key; [] if some entry takes it."""
    first: list[str] = []
    for chosen in dict.fromkeys(one.chosen for one in _declarations(key)):
        alone = separately(with_values({}, {**dict(chosen), key: value}))
        if key not in alone.wrong:  # a fault of its section belongs to the trial
            return []
        first = first or alone.faults
    return first


def _declarations(key: str) -> list[Setting]:
    """The settings with this key, or below it. For an unknown key in a section that only some entries have: those of
    the section. Each trial finds all other unknown keys."""
    if own := [one for one in declared(Settings) if one.key == key or one.key.startswith(f"{key}.")]:
        return own
    section = key.rpartition(".")[0]
    if not section or section in {choice.key.rpartition(".")[0] for choice in choices_of(Settings)}:
        return []
    return [one for one in declared(Settings) if one.chosen and one.key.startswith(f"{section}.")]
