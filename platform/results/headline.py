"""The K of the recall that stands for a mode: one at which configurations can still be told apart.

On small data recall at 100 is 99 % for every configuration, because an image has hardly more than 100 triplets to
choose from. So K is the largest of 100, 50 and 20 at which the best row recalls less than `SATURATED` of all relations.
"""

from __future__ import annotations

from collections.abc import Sequence

from sgg.common.metric_names import headline_k

from .aggregate import ResultRow

SATURATED = 0.95
CANDIDATES = (100, 50, 20)


def headline_of(rows: Sequence[ResultRow], mode: str, split: str, recall: str = "ngR") -> int | None:
    """The K of a mode on a split; None where the recall was not measured. Of other Ks than the candidates: the largest.
    """
    prefix = f"{split}/{mode}/all/{recall}@"
    best: dict[int, float] = {}
    for row in rows:
        for name, cell in row.cells.items():
            if name.startswith(prefix) and (k := name.removeprefix(prefix)).isdecimal():
                best[int(k)] = max(best.get(int(k), 0.0), cell.mean)
    known = [k for k in CANDIDATES if k in best]
    if not known:
        return headline_k(best) if best else None
    return next((k for k in known if best[k] < SATURATED), known[-1])
