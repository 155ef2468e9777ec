"""Marks of settings whose default depends on the data set or on other settings. `sgg/config/defaults.py` fills in these
defaults."""

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


def data_defaults(**values: Any) -> DataDefaults:
    """A mark with the default for each named data set: `data_defaults(toy=64)`."""
    return DataDefaults(values)


def defaults_for(section: type[BaseModel], data: str) -> dict[str, Any]:
    """The defaults that a section has for a named data set and for no other, by setting."""
    return {name: mark.values[data] for name, field in section.model_fields.items() for mark in field.metadata
            if isinstance(mark, DataDefaults) and data in mark.values}
