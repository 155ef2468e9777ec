"""Marks of settings whose default depends on the data set or on other settings. `sgg/config/defaults.py` fills the
defaults in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Get = Callable[[str], Any]
"""Gives the value of a dotted key."""


@dataclass(frozen=True)
class Suits:
    """A setting's mark: the defaults that suit single data sets. All others have the default of the schema."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Follows:
    """A setting's mark: its default follows from other settings by a rule, whose docstring says how.

    The rule gets settings as the schema reads them: validated, and with their defaults. Where one of them is wrong by
    itself, the rule is not asked on, and the default is the schema's. Whatever the rule itself raises is a fault of the
    program and goes on upwards.
    """

    rule: Callable[[Get], Any]

    def __post_init__(self) -> None:
        assert callable(self.rule)  # a name of the class body, such as that of a setting, would hide the rule's


def suits(**values: Any) -> Suits:
    """Another default for each data set that is named: `suits(toy=64)`."""
    return Suits(values)
