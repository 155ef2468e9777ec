"""Pictures of zero-shot hits and misses of the best trial, from its zero_shot.json."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from sgg.common.run_log import ZERO_SHOT, read_optional_json, require_keys

from ..collection import Collection

TEXTS = ("subject", "predicate", "object", "image", "picture")


def pictures(collection: Collection) -> dict[str, Any] | None:
    """What the page shows: the content of zero_shot.json (`sgg/evaluate/zero_shot_examples.py`) of the best trial that
    has one, by the metric of the search, with the name of the `trial`; None if no trial has one. Of equally good trials
    it is the first. Raises ValueError that names a damaged file.
    """
    sign = 1 if collection.mode == "max" else -1
    best: dict[int, float] = {}
    for outcome in collection.outcomes:
        value = sign * outcome.metrics.get(collection.metric, -sign * float("inf"))
        best[outcome.trial] = max(value, best.get(outcome.trial, value))
    for number in sorted(best, key=lambda number: -best[number]):
        trial = collection.trials[number]
        if trial.directory is not None and (found := _read(trial.directory / ZERO_SHOT)) is not None:
            return {**found, "trial": trial.name}
    return None


def _read(path: Path) -> dict[str, Any] | None:
    found = read_optional_json(path, split=str, mode=str, k=int, relations=int, hits=int, examples=list)
    if found is None:
        return None
    for number, example in enumerate(found["examples"], start=1):
        where = f"{path}, example {number}"
        require_keys(example, where, hit=bool, **dict.fromkeys(TEXTS, str))
        try:
            base64.b64decode(example["picture"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"{where}: picture must be base64: {error}") from None
    return found
