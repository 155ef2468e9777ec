"""What may differ when a run is taken up again."""

from __future__ import annotations

from typing import Any

SCIENCE = ("data", "detector", "model", "loss", "embeddings", "gan", "training")
"""Sections that decide what a run computes."""
FREE = ("training.epochs", "training.keep_checkpoints", "training.device", "data.root", "data.workers",
        "data.eval_images")
"""Their settings that may differ all the same."""


def changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """One line for each setting of nested settings that is not as it was and has to be."""
    return [f"{section}.{key} was {then[section].get(key)!r}, is {value!r}" for section in SCIENCE
            for key, value in now[section].items()
            if f"{section}.{key}" not in FREE and then[section].get(key) != value]
