"""Reads the columns of a report's content, without the code that wrote them."""

import base64
import struct
from typing import Any

SCALE, MISSING = 50_000, 0xFFFF


def fractions(column: str) -> list[float | None]:
    """The fractions of a packed column; None where nothing was measured."""
    content = base64.b64decode(column)
    return [None if number == MISSING else number / SCALE for (number,) in struct.iter_unpack("<H", content)]


def rows_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows as mappings. `samples`: of each the numbers of its values in the columns of a metric, by seed."""
    names, first, rows = list(report["rows"]), 0, []
    for values in zip(*report["rows"].values(), strict=True):
        row = dict(zip(names, values, strict=True))
        rows.append(row | {"samples": {seed: first + place for place, seed in enumerate(row["seeds"])}})
        first += len(row["seeds"])
    return rows


def values_of(report: dict[str, Any], row: dict[str, Any], metric: str, split: str = "test") -> dict[Any, float]:
    """The value of each seed of a row that was measured."""
    column = fractions(report["values"].get(split, {}).get(metric, ""))
    return {seed: column[place] for seed, place in row["samples"].items()
            if place < len(column) and column[place] is not None}
