"""Figures of one trained model under several predicate re-weightings.

The exponent x of `evaluation.pred_weight` acts after training, so a trial measures every value of it. Figures for
x != 0 carry the suffix `/x<value>`: `val/sgcls/zs/ngR@100/x0.5`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from sgg.history import Row
from sgg.naming import DETECTION_COUNTS

COUNTS = tuple(f"/{name}" for name in ("num_images", "num_relations", *DETECTION_COUNTS))
"""Ends of the names of figures that no weight changes."""
_SUFFIX = re.compile(r"/x([0-9.e+-]+)$")


def split(name: str) -> tuple[str, float]:
    """The name without the suffix, and the exponent."""
    found = _SUFFIX.search(name)
    return (name[:found.start()], float(found[1])) if found else (name, 0.0)


def under(row: Row, weight: float) -> Row:
    """The figures measured under one exponent, by their plain names, and all that is the same under every exponent."""
    return {plain: value for name, value in row.items() for plain, own in [split(name)]
            if own == weight or not _follows_weight(plain)}


def _follows_weight(name: str) -> bool:
    return name.startswith(("val/", "test/")) and not name.endswith(COUNTS)


def objective(row: Row, metric: str, mode: str, weights: Iterable[float]) -> float | None:
    """The searched metric at the exponent that suits it best; None where the row has no such figure, or none that is a
    number (no relation of its kind)."""
    values = [value for weight in weights if (value := under(row, weight).get(metric)) is not None
              and not math.isnan(value)]
    return (max if mode == "max" else min)(values, default=None)
