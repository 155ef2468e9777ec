"""Tables of a detector's metrics for people."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.table import Table


def metric_table(metrics: Mapping[str, float]) -> Table:
    """The metrics of a detector, in per cent."""
    table = Table("metric", "percent")
    for name, value in metrics.items():
        table.add_row(name, "none to find" if math.isnan(value) else f"{100 * value:.1f}")
    return table
