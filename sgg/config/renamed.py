"""Keys of earlier versions, which config files, overrides, checkpoints and studies may still have.

They are taken for today's keys before anything else is done with settings.
"""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from .keys import find, has, put, remove

RENAMED = {
    "model.hidden_dim": "model.head.hidden_dim",
    "model.iterations": "model.head.iterations",
}
"""Today's key of each key of an earlier version."""


def renamed(settings: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested settings with today's keys.

    A key of an earlier version stays, for the schema to refuse, where today's is given as well or has no place.
    """
    new = copy.deepcopy(settings)
    for old, key in old_keys(settings).items():
        value = find(new, old)
        with suppress(ValueError):  # a part of the way is no section: the schema says so
            if not has(new, key):
                put(new, key, value)
                remove(new, old)
            elif value is None:
                remove(new, old)
    return new


def old_keys(settings: dict[str, Any]) -> dict[str, str]:
    """Each key of an earlier version that nested settings have, and today's."""
    return {old: key for old, key in RENAMED.items() if has(settings, old)}
