"""Defaults that follow from other settings by a rule."""

from typing import Annotated

import pytest
from pydantic import PositiveInt

from sgg.config.defaults import complete
from sgg.settings.marks import ComputedDefault
from sgg.settings.roles import runs
from sgg.settings.section import Listed, Section


class Data(Section):
    """The setting that `complete` always reads."""

    name: Annotated[str, runs()] = "toy"
    """Of the data set."""


class Followed(Section):
    """What a rule reads."""

    values: Annotated[list[PositiveInt], Listed, runs()] = [1]  # noqa: RUF012
    """Numbers."""


def of_rule(rule, values):
    class WithRule(Section):
        data: Data = Data()
        """As `complete` needs it."""
        read: Followed = Followed()
        """What the rule reads."""
        made: Annotated[int, runs(), ComputedDefault(rule)] = 7
        """What follows."""

    return complete(WithRule, {"read": {"values": values}})["made"]


def test_complete_gives_rules_settings_as_the_schema_reads_them() -> None:
    """The schema reports an invalid setting, so the rule ends; an exception of the rule itself is not caught."""
    assert of_rule(lambda get: sum(get("read.values")), 3) == 3
    assert of_rule(lambda get: sum(get("read.values")), ["many"]) == 7
    for faulty in (lambda get: get("read.values") + 1, lambda get: get("read.value"), lambda get: int("x")):
        with pytest.raises((TypeError, LookupError, ValueError)):
            of_rule(faulty, 3)
