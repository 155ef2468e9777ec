"""What a rule that stops trials early has judged, on disk before a judgement takes effect.

Tune does not keep what its schedulers remember, and what it notes of a trial may be older than the last judgement. With
this file a search that was killed knows which results were judged, so that none is judged twice and none is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sgg.common.run_log import append_row, read_rows


@dataclass(frozen=True)
class Judgement:
    """Of a trial: the last epoch that was judged, and whether the trial was stopped there."""

    epoch: int = 0
    stop: bool = False


NOT_YET = Judgement()


class Judgements:
    """The file `path`: a line of JSON for each judgement, in the order in which they were made."""

    def __init__(self, path: Path):
        self._path = path

    def add(self, trial: str, epoch: int, stop: bool) -> None:
        """Write one more. Raises OSError naming the file."""
        append_row(self._path, {"trial": trial, "epoch": epoch, "stop": stop})

    def last(self) -> dict[str, Judgement]:
        """The last judgement on each trial, by its id. Raises ValueError naming file and line for one that is spoilt.
        """
        rows = read_rows(self._path, trial=str, epoch=int, stop=bool)
        return {row["trial"]: Judgement(row["epoch"], row["stop"]) for row in rows}
