"""How much each searched setting matters: its share of the variance between configurations, and its marginal effect.

Both come from a one-way analysis of variance of each setting. Share: adjusted for the number of groups (epsilon
squared, Kelley 1935), so that noise gives about 0; it does not count interactions. Effect: the mean of a group's
configurations with its standard error. A setting with more than `MOST_GROUPS` different numbers is cut into groups of
equal size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..wording import setting_text

MOST_GROUPS = 4


@dataclass(frozen=True)
class Group:
    """Configurations with the same value, or with values in the same range, of a setting. members: their numbers."""

    label: str
    members: list[int]


@dataclass(frozen=True)
class Effect:
    """The mean of a group's configurations, its standard error (None for one configuration) and their number."""

    mean: float
    error: float | None
    n: int


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether all values but None are numbers; else they are categories, which have no order."""
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values if value is not None)


def groups_of(values: Sequence[Any]) -> list[Group]:
    """The groups of a setting, from its value in each configuration. None (a configuration lacks it) is in no group."""
    known = [(value, number) for number, value in enumerate(values) if value is not None]
    numbers = are_numbers(values)
    if numbers and len({value for value, _ in known}) > MOST_GROUPS:
        return _ranges(sorted(known))
    groups: dict[str, list[int]] = {}
    for value, number in sorted(known) if numbers else known:
        groups.setdefault(setting_text(value), []).append(number)
    return [Group(label, members) for label, members in groups.items()]


def share(groups: Sequence[Group], measured: Mapping[int, float]) -> float | None:
    """The adjusted share of the variance between configurations that the groups explain, in [0, 1].

    measured: number of a configuration -> value. None where it is undefined: fewer than two groups, no more
    configurations than groups, or no variance.
    """
    parts = [part for group in groups if (part := [measured[one] for one in group.members if one in measured])]
    everything = [value for part in parts for value in part]
    if len(parts) < 2 or len(everything) <= len(parts):
        return None
    grand = math.fsum(everything) / len(everything)
    total = math.fsum((value - grand) ** 2 for value in everything)
    within = math.fsum((value - math.fsum(part) / len(part)) ** 2 for part in parts for value in part)
    if total <= 1e-18:
        return None
    noise = within / (len(everything) - len(parts))
    return min(1.0, max(0.0, (total - within - (len(parts) - 1) * noise) / total))


def effects(groups: Sequence[Group], measured: Mapping[int, float]) -> list[Effect | None]:
    """The effect of each group; None for a group without a measured configuration."""
    found: list[Effect | None] = []
    for group in groups:
        part = [measured[one] for one in group.members if one in measured]
        if not part:
            found.append(None)
            continue
        mean, n = math.fsum(part) / len(part), len(part)
        error = math.sqrt(math.fsum((value - mean) ** 2 for value in part) / (n - 1) / n) if n > 1 else None
        found.append(Effect(mean, error, n))
    return found


def _ranges(known: list[tuple[float, int]]) -> list[Group]:
    """Groups of equal size of sorted (value, number); equal values share a group."""
    groups: list[list[tuple[float, int]]] = []
    for place, pair in enumerate(known):
        wanted = place * MOST_GROUPS // len(known)
        if groups and (wanted < len(groups) or pair[0] == groups[-1][-1][0]):
            groups[-1].append(pair)
        else:
            groups.append([pair])
    return [Group(f"{group[0][0]:.2g} to {group[-1][0]:.2g}", [number for _, number in group]) for group in groups]
