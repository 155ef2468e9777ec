"""Names of classes and predicates in files: with an entry for the background or without one."""

from __future__ import annotations

from collections.abc import Sequence

from sgg.data.dataset import BACKGROUND
from sgg.data.records import short

NO_CLASS = frozenset((BACKGROUND, "background", "__no_relation__", "no_relation", "no relation", "__none__"))
"""Names that files give to the background, in small letters."""


def is_background(name: str) -> bool:
    """Whether a name stands for the background."""
    return name.strip().lower() in NO_CLASS


def with_background(names: Sequence[str], key: str) -> list[str]:
    """The names, background first. key: of the list, for messages.

    Raises ValueError unless the names are distinct, at least one, and none stands for the background.
    """
    if not names:
        raise ValueError(f"{key!r} must hold at least one name")
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise ValueError(f"{key}[{place}] must be a name, got {short(name)}")
        if is_background(name):
            raise ValueError(f"{key}[{place}] is {name!r}, which stands for the background: only the first entry can")
        if first.setdefault(name, place) != place:
            raise ValueError(f"{key}[{place}] and {key}[{first[name]}] are both {name!r}: names must be distinct")
    return [BACKGROUND, *names]


def numbered_by_place(names: Sequence[str], key: str) -> tuple[list[str], int]:
    """The names of a list whose places are the numbers in records, background first; and what to add to a number of a
    record: 1, but 0 if the list begins with an entry for the background.

    Raises what `with_background` raises.
    """
    listed = bool(names) and isinstance(names[0], str) and is_background(names[0])
    return with_background(names[1:] if listed else names, key), 0 if listed else 1
