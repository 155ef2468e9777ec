"""The figures behind the rows as CSV, one for each data set and seed. Means, intervals and p are computed from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sgg.common.metric_names import TABLE_SUBSETS

from .aggregate import ResultRow
from .history import CURVE_KS
from .wording import MODES, RECALLS

SPLITS = ("val", "test")


def samples_csv(rows: Sequence[ResultRow]) -> str:
    """A line for each row, data set and seed: the settings of the row, and recall as fractions with all digits, of the
    last validation and of the test."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    names = recalls(rows)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*keys, "data_set", "seed", *names])
    for row in rows:
        for sample in sorted(row.samples, key=lambda sample: (sample.block, repr(sample.seed))):
            values = [*(row.settings.get(key) for key in keys), sample.block or row.basis.data, sample.seed,
                      *(sample.metrics.get(name) for name in names)]
            writer.writerow(["" if value is None else value for value in values])
    return buffer.getvalue()


def recalls(rows: Sequence[ResultRow], splits: Sequence[str] = SPLITS) -> list[str]:
    """The names of the recalls that were measured, by split, mode, subset, kind and K."""
    measured = {name for row in rows for name in row.cells}
    return [name for split in splits for mode in MODES for subset in TABLE_SUBSETS for recall in RECALLS
            for k in CURVE_KS if (name := f"{split}/{mode}/{subset}/{recall}@{k}") in measured]
