"""The figures behind the rows as CSV, one for each data set and seed. Means, intervals and p are computed from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from .headline import recalls_of
from .result_row import ResultRow


def samples_csv(rows: Sequence[ResultRow], ranked_by: Sequence[str] = ()) -> str:
    """A line for each row, data set and seed: the settings of the row, the metrics by which the search ranks, and
    recall on test, or on validation where no row has a test. Fractions have all digits."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    measured = {name for row in rows for name in row.cells}
    names = list(dict.fromkeys((*(name for name in ranked_by if name in measured), *recalls_of(rows))))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*keys, "data_set", "seed", *names])
    for row in rows:
        for sample in sorted(row.samples, key=lambda sample: (sample.block, repr(sample.seed))):
            values = [*(row.settings.get(key) for key in keys), sample.block or row.basis.data, sample.seed,
                      *(sample.metrics.get(name) for name in names)]
            writer.writerow(["" if value is None else value for value in values])
    return buffer.getvalue()
