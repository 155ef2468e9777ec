"""Marks of settings: a default that depends on the data set or on other settings (`sgg/config/defaults.py` fills it
in), and a condition without which a setting has no effect (`sgg/config/conditions.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Get = Callable[[str], Any]
"""Returns the value of a dotted key."""


@dataclass(frozen=True)
class DataDefaults:
    """A mark that gives a setting other defaults for some data sets. All others have the default of the schema."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class ComputedDefault:
    """A mark that computes a setting's default from other settings. The rule's docstring says how.

    The rule gets settings as the schema reads them: validated and with their defaults. If the rule asks for a setting
    that is invalid, the rule ends there and the default is the schema's. Any other exception of the rule is an error
    of the program and is not caught.
    """

    rule: Callable[[Get], Any]

    def __post_init__(self) -> None:
        assert callable(self.rule)  # a setting of the same name in the class body would hide the rule


@dataclass(frozen=True)
class ActsWith:
    """A mark of a setting that has an effect only where another setting has one of some values, or none of them. Of
    several marks each must hold.

    other: the name of a setting of the same section, or a dotted key. If its value is a list, one item is enough.
    values: of the other setting. unless: with these the marked setting has no effect, with all others it has.
    """

    other: str
    values: tuple[Any, ...]
    unless: bool = False

    def key(self, marked: str) -> str:
        """The dotted key of the other setting. marked: that of the setting with this mark."""
        section, dot, _ = marked.rpartition(".")
        return self.other if "." in self.other else f"{section}{dot}{self.other}"

    def holds(self, value: Any) -> bool:
        """Whether the marked setting has an effect beside a value of the other one; beside an axis of a search, a
        mapping, whether it may have one in a trial."""
        if isinstance(value, dict):
            listed = value.get("of")
            return any(map(self.holds, listed)) if isinstance(listed, list) else True
        values = value if isinstance(value, list) else [value]
        return any(one in self.values for one in values) != self.unless

    def words(self, marked: str) -> str:
        """The condition: `training.schedule step`. marked: as in `key`."""
        values = " or ".join("none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
                             for value in self.values)
        return f"{self.key(marked)} {'other than ' if self.unless else ''}{values}"


def acts_with(other: str, *values: Any) -> ActsWith:
    """A mark of a setting that acts only where another has one of these values: `acts_with("schedule", "step")`."""
    return ActsWith(other, values)


def acts_unless(other: str, *values: Any) -> ActsWith:
    """A mark of a setting that acts only where another has none of these values."""
    return ActsWith(other, values, unless=True)


def data_defaults(**values: Any) -> DataDefaults:
    """A mark with the default for each named data set: `data_defaults(toy=64)`."""
    return DataDefaults(values)


def defaults_for(section: type[BaseModel], data: str) -> dict[str, Any]:
    """The defaults that a section has for a named data set and for no other, by setting."""
    return {name: mark.values[data] for name, field in section.model_fields.items() for mark in field.metadata
            if isinstance(mark, DataDefaults) and data in mark.values}
