"""What became of the trials of a study: their last status on disk, and the summary that a command prints."""

from __future__ import annotations

from sgg.common.command_line import INTERRUPTED

from ..cluster.interrupts import signal_heard
from ..cluster.watch import FAULT, ray_is_gone
from ..results.files import write_results
from ..study.directory import StudyDirectory
from ..study.study_file import note_end
from ..study.trial_record import FAILED, FINISHED, RUNNING, STOPPED

BUDGET_USED_UP = "the time budget of the search is used up"
WAS_INTERRUPTED = "interrupted"
"""Reasons why a trial was stopped, in its record."""


def stop_running(directory: StudyDirectory, reason: str) -> None:
    """Record every trial that still counts as running as stopped, with the reason. Raises OSError when a record cannot
    be written."""
    for record in directory.records():
        if record.status == RUNNING:
            record.status, record.reason = STOPPED, reason
            record.write()


def summarize(directory: StudyDirectory, not_begun: int) -> int:
    """Write the result files, print the table and how many trials have which status. Returns how many failed.

    not_begun: how many trials the search has not started.
    """
    records = directory.records()
    counts = {status: sum(record.status == status for record in records) for status in (FINISHED, STOPPED, FAILED)}
    if records:
        note_end(directory.path)
        print(write_results(directory.path), end="")
    for record in records:
        if record.status == FAILED:
            print(f"{record.name} failed: {record.reason}\n  {record.values}\n  {record.evidence}")
    counts["not begun"] = not_begun
    print(f"{', '.join(f'{count} {status}' for status, count in counts.items() if count > 0)}; results, logs and "
          f"checkpoints: {directory.path}")
    return counts[FAILED]


def end_without_ray(directory: StudyDirectory, trials: int) -> int:
    """Record and print what became of the trials after Ray has gone. trials: of the whole search. Returns the exit
    status."""
    interrupted = signal_heard() is not None
    stop_running(directory, WAS_INTERRUPTED if interrupted else ray_is_gone())
    print(f"{ray_is_gone()}; --resume continues the search")
    summarize(directory, trials - len(directory.records()))
    return INTERRUPTED if interrupted else FAULT
