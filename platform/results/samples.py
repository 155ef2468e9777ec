"""The figures behind the rows as CSV, one for each data set and seed. Means, intervals and p are computed from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sgg.common.metric_names import TABLE_SUBSETS

from .aggregate import ResultRow
from .headline import split_of
from .history import CURVE_KS
from .wording import MODES, RECALLS


def samples_csv(rows: Sequence[ResultRow], ranked_by: Sequence[str] = ()) -> str:
    """A line for each row, data set and seed: the settings of the row, the metrics by which the search ranks, and
    recall on test, or on validation where no row has a test. Fractions have all digits."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    names = _metrics(rows, ranked_by)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*keys, "data_set", "seed", *names])
    for row in rows:
        for sample in sorted(row.samples, key=lambda sample: (sample.block, repr(sample.seed))):
            values = [*(row.settings.get(key) for key in keys), sample.block or row.basis.data, sample.seed,
                      *(sample.metrics.get(name) for name in names)]
            writer.writerow(["" if value is None else value for value in values])
    return buffer.getvalue()


def _metrics(rows: Sequence[ResultRow], ranked_by: Sequence[str]) -> list[str]:
    measured, split = {name for row in rows for name in row.cells}, split_of(rows)
    recalls = [f"{split}/{mode}/{subset}/{recall}@{k}" for mode in MODES for subset in TABLE_SUBSETS
               for recall in RECALLS for k in CURVE_KS]
    return [name for name in dict.fromkeys((*ranked_by, *recalls)) if name in measured]
