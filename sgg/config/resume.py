"""What may differ when a run goes on (`--resume`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .reference import role_of
from .roles import Role


def changes(then: dict[str, Any], now: dict[str, Any], fixed: Callable[[Role], bool]) -> list[str]:
    """One line for each setting that is not as it was and has to be.

    then, now: settings by dotted key. fixed: whether a setting of a role has to stay as it was.
    """
    return [f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in {**then, **now}
            if then.get(key) != now.get(key) and fixed(role_of(key))]
