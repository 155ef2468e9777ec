"""Which of the settings that trials share have an effect in a search."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from pydantic import ValidationError

from sgg.config.by_role import role_of
from sgg.config.choice import AUTO
from sgg.config.conditions import usual
from sgg.config.schema import Settings
from sgg.config.setting import Setting, declared, settings_of
from sgg.settings.keys import find, flatten, has
from sgg.settings.marks import ActsWith

from .idle import Idle
from .named_rows import ROW, ROWS, Axes, tried_rows

Row = dict[str, Any]
Unmet = tuple[str, ActsWith]


@dataclass(frozen=True)
class Effects:
    """The effects of settings in the trials of a search.

    base: the settings of the first trial. given: nested, what all trials share. axes: of the search. wrong: the keys of
    invalid settings and sections, of which nothing is said.
    """

    base: Settings
    given: dict[str, Any]
    axes: Axes
    wrong: Collection[str] = field(default_factory=set)

    def idle(self) -> list[Idle]:
        """The settings without effect in any row of the file, tried or not, because a condition holds in none. Left out
        are those that every row sets, and those that have their default."""
        keys = dict.fromkeys((*(key for key in self.axes if key != ROW), *flatten(self.given)))
        return [one for key in keys if self._decides(key) and (one := self._idle(key)) is not None]

    def unread(self, keys: Iterable[str]) -> dict[str, str]:
        """For each of the dotted `keys` that no tried row reads, but that rows of the file set or have, one sentence.
        Nothing is found without rows."""
        tried = tried_rows(self.axes)
        found = {}
        for key in keys:
            if not tried or not self._decides(key) or any(self._reads(key, row) for row in tried.values()):
                continue
            if not self._values(key):
                continue  # the search refuses the axis
            setting = [key in row for row in tried.values()]
            if any(setting) or any(self._exists(one, row) for one in _declarations(key) for row in self._rows):
                others = [name for name, row in self.axes[ROW][ROWS].items()
                          if name not in tried and self._reads(key, row)]
                why = f"every row that is tried sets {key}" if all(setting) else \
                    "each row that is tried sets it or does not read it" if any(setting) else \
                    "no row that is tried reads it"
                remedy = f"try a row that reads it: {', '.join(others)}" if others else \
                    f"change the row{'s' * (len(tried) > 1)}"
                found[key] = f"{key} {self._words(key)} has no effect: {why}; leave it out, or {remedy}"
        return found

    @cached_property
    def _rows(self) -> list[Row]:
        """All rows of the file; without rows one that sets nothing."""
        return list(self.axes.get(ROW, {}).get(ROWS, {}).values()) or [{}]

    def _decides(self, key: str) -> bool:
        """Whether a setting decides results; others may wait in a file."""
        return key in settings_of(Settings) and not self._is_wrong(key) and \
            role_of(key).acts in ("training", "measuring")

    def _is_wrong(self, key: str) -> bool:
        return any(key == one or key.startswith(f"{one}.") for one in self.wrong)

    def _idle(self, key: str) -> Idle | None:
        where = [(one, row) for row in self._rows if key not in row
                 for one in _declarations(key) if self._exists(one, row)]
        unmet = [self._unmet(one, row) for one, row in where]
        default = usual(where[0][0], self.base.value_of) if where else None
        values = self._values(key)  # none of an axis that the search refuses
        if not where or not all(unmet) or all(value == default for value in values):
            return None
        other, mark = unmet[0][0]
        others = dict.fromkeys(_in_words(self._value(other, row), " or ") for _, row in where)
        return Idle(key, self._words(key), other, mark, " or ".join(others))

    def _reads(self, key: str, row: Row) -> bool:
        return key not in row and any(self._exists(one, row) and not self._unmet(one, row)
                                      for one in _declarations(key))

    def _exists(self, setting: Setting, row: Row) -> bool:
        """Whether a trial of a row may have the entries that a setting belongs to."""
        return all(_may_be(self._value(key, row), partial(_is_entry, name))
                   for key, name in setting.chosen)

    def _unmet(self, setting: Setting, row: Row) -> list[Unmet]:
        """The conditions of a setting that hold in no trial of a row."""
        return [(other, mark) for other, mark in setting.conditions if not self._is_wrong(other)
                and not _may_be(self._value(other, row), partial(_holds, mark))]

    def _value(self, key: str, row: Row) -> Any:
        """The value of a setting in the trials of a row, as the schema reads it, or its axis."""
        if key in row:
            return _read(key, row[key])
        if key in self.axes:
            axis = self.axes[key]
            return {**axis, "of": [_read(key, one) for one in axis["of"]]} if isinstance(axis.get("of"), list) else axis
        value = self.base.value_of(key)
        if value is None or any(key in other for other in self._rows):  # the base has the values of the first row
            return _read(key, find(self.given, key)) if has(self.given, key) else settings_of(Settings)[key].default
        return value

    def _values(self, key: str) -> list[Any]:
        """The values that all rows share; those of a range are its ends. [] if one is invalid by itself."""
        value = self.axes.get(key, find(self.given, key))
        if not isinstance(value, dict):
            values = [value]
        elif isinstance(listed := value.get("of", ()), list):
            values = listed
        else:
            low, high = value.get("low"), value.get("high")
            rising = isinstance(low, int | float) and isinstance(high, int | float) and low < high
            values = [low, high] if rising else []
        return [_read(key, one) for one in values] if all(_is_valid(key, one) for one in values) else []

    def _words(self, key: str) -> str:
        return _in_words(self._value(key, {}) if key in self.axes else _read(key, find(self.given, key)))


def _declarations(key: str) -> list[Setting]:
    return [one for one in declared(Settings) if one.key == key]


def _is_entry(name: str, value: Any) -> bool:
    return bool(value in (name, AUTO))


def _holds(mark: ActsWith, value: Any) -> bool:
    return value == AUTO or mark.holds(value)


def _may_be(value: Any, holds: Callable[[Any], bool]) -> bool:
    """Whether something holds for a value, or for one of an axis; a range is not looked into."""
    if not isinstance(value, dict):
        return holds(value)
    return any(map(holds, value["of"])) if isinstance(value.get("of"), list) else True


def _read(key: str, value: Any) -> Any:
    """A value as the schema reads it; an invalid one stays, since the schema reports it."""
    return next(_readings(key, value), value)


def _is_valid(key: str, value: Any) -> bool:
    """Whether an entry takes a value."""
    return any(True for _ in _readings(key, value))


def _readings(key: str, value: Any) -> Iterator[Any]:
    for setting in _declarations(key):
        with suppress(ValidationError):
            yield setting.validated(value)


def _in_words(value: Any, between: str = ", ") -> str:
    """A value, or those of an axis."""
    if not isinstance(value, dict):
        return str(value)
    return between.join(map(str, value["of"])) if isinstance(value.get("of"), list) else \
        f"from {value.get('low')} to {value.get('high')}"
