"""Trials on several data sets of one kind, which a row pools: the data sets are its blocks.

A search over a setting of the role `block`, such as the seed of the toy genome, repeats every configuration on each of
its data sets. Its results have one row for a configuration, whatever the data set; `--by` with that setting keeps them
apart. Every data set has its own detector, word vectors and images, so the basis of such a row is that of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from .basis import Basis

DECIDING = ("data", "detector")
"""The sections of settings that decide which kind of data sets it is."""


class OnData(Protocol):
    """What is asked of an outcome (`outcome.Outcome`)."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its settings by dotted key."""

    @property
    def basis(self) -> Basis:
        """What it was measured on."""

    @property
    def began(self) -> bool:
        """Whether its trial says what its data are. Of another one the data are those of its study's first trial."""


AnyOutcome = TypeVar("AnyOutcome", bound=OnData)


@dataclass
class Family:
    """Data sets of one kind. members: block -> the basis of its data set."""

    kind: str
    members: dict[str, Basis] = field(default_factory=dict)

    def takes(self, block: str, basis: Basis) -> bool:
        """Whether a data set is of this family: its block is free, or it is already here."""
        return self.members.get(block, basis) == basis

    @property
    def basis(self) -> Basis:
        """The basis of all of its data sets."""
        return Basis.of_several(self.members[block] for block in in_order(self.members))


def pooled(outcomes: Sequence[AnyOutcome], keys: Sequence[str]) -> list[tuple[AnyOutcome, str, Basis]]:
    """Each outcome with its block and the basis of its row. keys: of the settings whose values are blocks.

    Two data sets of one block, such as a genome with two detectors, are never pooled.
    """
    families: list[Family] = []
    family_of: dict[int, Family] = {}
    for outcome in sorted(outcomes, key=lambda one: not one.began):  # those that know their data come first
        kind, block = _kind(outcome, keys), block_of(outcome.settings, keys)
        fitting = [one for one in families if one.kind == kind and (
            not outcome.began or one.takes(block, outcome.basis))]
        family = fitting[0] if fitting else Family(kind)
        if not fitting:
            families.append(family)
        if outcome.began or not fitting:
            family.members[block] = outcome.basis
        family_of[id(outcome)] = family
    bases = {id(family): family.basis for family in families}
    return [(outcome, block_of(outcome.settings, keys), bases[id(family_of[id(outcome)])]) for outcome in outcomes]


def block_of(settings: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The block of an outcome as a text: the values of `keys`."""
    return ", ".join(str(settings.get(key)) for key in keys)


def in_order(blocks: Iterable[str]) -> list[str]:
    """Different blocks in the order of their numbers."""
    return sorted(set(blocks) - {""}, key=lambda block: (len(block), block))


def _kind(outcome: OnData, keys: Sequence[str]) -> str:
    deciding = {key: value for key, value in outcome.settings.items()
                if key.split(".")[0] in DECIDING and key not in keys}
    return repr(sorted(deciding.items()))
