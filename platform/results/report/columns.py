"""Fractions of a report as columns of text: two bytes for each, the lower one first, in base64.

This is half as long as decimal digits, and the page decodes only the columns that it draws.
"""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections.abc import Iterable

SCALE = 50_000
"""A fraction is a whole number of 1 / SCALE, which is 0.002 %. The page shows 0.1 %."""
MISSING = 0xFFFF
"""Stands in a column for a value that was not measured."""


def packed(values: Iterable[float | None]) -> str:
    """A column of fractions; None, NaN and values that are no fractions are `MISSING`."""
    column = array("H", [MISSING if (number := whole(value)) is None else number for value in values])
    if sys.byteorder == "big":
        column.byteswap()
    return base64.b64encode(column.tobytes()).decode("ascii")


def whole(value: float | None) -> int | None:
    """A fraction as a whole number of 1 / SCALE; None for what is no fraction."""
    return None if value is None or not math.isfinite(value) or not -1e-6 < value < 1.3 else round(SCALE * value)
