"""The judgements of an early-stopping scheduler, each on disk before it takes effect.

Tune does not save the memory of its schedulers, and its snapshot of a trial may be older than the last judgement. With
this file a resumed search knows which results were judged, so that it judges no result twice and leaves none out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sgg.common.run_log import append_row, read_rows


@dataclass(frozen=True)
class Judgement:
    """The last judged epoch of a trial, and whether the scheduler stopped the trial there."""

    epoch: int = 0
    stop: bool = False


NOT_YET = Judgement()


class Judgements:
    """The file `path`, with one line of JSON for each judgement, in their order."""

    def __init__(self, path: Path):
        self._path = path

    def add(self, trial: str, epoch: int, stop: bool) -> None:
        """Append a judgement. Raises OSError naming the file."""
        append_row(self._path, {"trial": trial, "epoch": epoch, "stop": stop})

    def last(self) -> dict[str, Judgement]:
        """Trial id -> the last judgement on that trial. Raises ValueError naming file and line of a damaged line."""
        rows = read_rows(self._path, trial=str, epoch=int, stop=bool)
        return {row["trial"]: Judgement(row["epoch"], row["stop"]) for row in rows}
