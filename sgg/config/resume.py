"""What may differ when a run goes on (`--resume`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .keys import flatten
from .reference import role_of
from .roles import Role
from .schema import Settings

FIRST_EDITION = {"model.edge_boxes": "motifs", "training.drop_last": False, "gan.reconstruction_bias": True,
                 "data.flip_predicates": "keep", "data.self_relations": "keep"}
"""What a run of the first edition does by settings that it does not know, or that had this for a default and may be
left to the data set now. A setting that is not here and that an older run does not know had its default."""


def changes(then: dict[str, Any], now: dict[str, Any], fixed: Callable[[Role], bool]) -> list[str]:
    """One line for each setting that is not as it was and has to be.

    then, now: settings by dotted key, `then` of this edition or of an earlier one. fixed: whether a setting of a role
    has to stay as it was.
    """
    then = _completed(then, now)
    return [f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in {**then, **now}
            if then.get(key) != now.get(key) and fixed(role_of(key)) and not _left_to_the_data(key, then, now)]


def _completed(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """`then` with the settings that its edition did not have yet, as what it did; one that has no effect as it is now.
    """
    defaults = flatten(Settings().model_dump(mode="json"))
    no_effect = {"gan.reconstruction_bias"} if now.get("model.frequency_bias") == "off" else set()
    whole = dict(then)
    for key in now.keys() - then.keys():
        before = FIRST_EDITION.get(key, defaults.get(key))
        whole[key] = now[key] if before is None or key in no_effect else before
    return whole


def _left_to_the_data(key: str, then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a setting of a study is left to the data set now, and was at the first edition's value: each trial
    compares what the data set decides with its checkpoint."""
    return now.get(key) is None and key in FIRST_EDITION and then[key] == FIRST_EDITION[key]
