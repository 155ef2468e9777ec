"""Marks of settings whose default depends on the data set."""

from typing import Annotated

from sgg.settings.marks import data_defaults, defaults_for
from sgg.settings.roles import trains
from sgg.settings.section import Section


class Example(Section):
    """A section."""

    width: Annotated[int, trains(), data_defaults(toy=64, gqa=3)] = 512
    """A width."""
    depth: Annotated[int, trains()] = 2
    """A depth."""


def test_defaults_for_a_data_set() -> None:
    assert defaults_for(Example, "toy") == {"width": 64}
    assert defaults_for(Example, "vg") == {}
