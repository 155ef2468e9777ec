"""A setting without effect in any trial of a search, and what is said of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sgg.settings.marks import ActsWith

from .places import Places


@dataclass(frozen=True)
class Idle:
    """A setting without effect in any trial. other, mark: a condition that never holds. values: of `other`, in words.
    """

    key: str
    value: str
    other: str
    mark: ActsWith
    values: str


def without_effect(idle: Iterable[Idle], places: Places) -> list[str]:
    """One sentence for all settings that lack an effect because of the same setting. If there is a command line, it
    says where each of them stands."""
    groups: dict[tuple[str, str], list[Idle]] = {}
    for one in idle:
        groups.setdefault((one.other, one.values), []).append(one)
    return [_sentence(other, values, group, places) for (other, values), group in groups.items()]


def _sentence(other: str, values: str, group: list[Idle], places: Places) -> str:
    keys = [one.key for one in group]
    named = " and ".join(f"{one.key} {one.value}{places.words(one.key)}" for one in group)
    remedies = [places.remedy(keys), *_helping(group)]
    return (f"{named} {'has' if len(group) == 1 else 'have'} no effect, since {other} is {values}: "
            f"{', or '.join(remedies)}")


def _helping(group: list[Idle]) -> list[str]:
    """The other value with which all settings of a group act; [] if there is none."""
    marks = {one.mark: one.key for one in group}
    for mark, key in marks.items():
        common = tuple(value for value in mark.values if all(one.holds(value) for one in marks))
        if not mark.unless and common:
            return [f"use {ActsWith(mark.other, common).words(key)}"]
    if any(not mark.unless for mark in marks):
        return []
    mark, key = next(iter(marks.items()))
    unwanted = tuple(dict.fromkeys(value for one in marks for value in one.values))
    return [f"use {ActsWith(mark.other, unwanted, unless=True).words(key)}"]
