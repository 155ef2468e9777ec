"""Runs all trials of a study on a running Ray: makes what trials share, trains, and returns the exit status."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from sgg.common.command_line import INTERRUPTED
from sgg.config import Study
from sgg.methods.plugins import loaded_digests

from ..cluster.interrupts import Interrupts
from ..cluster.watch import FAULT, set_last_words
from ..search.axis import Axis
from ..study.directory import StudyDirectory
from ..study.entry_points import EntryPoints
from .preparation import missing_vectors, prepare, trial_resources
from .summary import BUDGET_USED_UP, WAS_INTERRUPTED, end_without_ray, stop_running, summarize
from .tune_run import TuneRun


def run_trials(study: Study, axes: list[Axis], directory: StudyDirectory, entry_points: EntryPoints, resume: bool,
               total: dict[str, float]) -> int:
    """Run all trials of a study, write and print the results. total: the resources of this Ray, by name.

    Returns the exit status, see `run_study`. Raises ConfigError, before any trial starts, when the study cannot run on
    this Ray, and when another process has begun to run it.
    """
    resources = trial_resources(study, total)
    (first, *others), epochs = prepare(study, axes, entry_points, total)
    if line := missing_vectors(first):
        print(line, flush=True)
    with directory.held(study, resume):
        directory.begin(study, {"data": first, "more_data": others, "epochs": epochs, "resources": resources,
                                "fit": entry_points.fit, "paths_from": _paths_from(study),
                                "plugins": loaded_digests(study.base.experiment.plugins)})
        run = TuneRun(study, axes, directory, resources, epochs)
        set_last_words(partial(end_without_ray, directory, run.count))
        status = run_to_completion(run, resume)
        set_last_words(lambda: status)
        return status


def run_to_completion(run: TuneRun, resume: bool) -> int:
    """Run the trials, and print the final status of each, whatever ended them. Returns the exit status."""
    interrupts = Interrupts(run.study.base.search.time_budget_s)
    try:
        interrupted, begun = run.run(resume, interrupts)
        interrupted_by_user = interrupted and not interrupts.over
        stop_running(run.directory, WAS_INTERRUPTED if interrupted_by_user else BUDGET_USED_UP)
        not_begun = run.count - begun
        if interrupts.over:
            print(f"{BUDGET_USED_UP}; --resume continues the search, with the same budget again")
        elif interrupted:
            print("interrupted; --resume continues the search")
        elif not_begun > 0:
            print("the search algorithm has no untried configuration left")
        failed = summarize(run.directory, not_begun)
        return INTERRUPTED if interrupted_by_user else FAULT if failed else 0
    except OSError as error:  # while this process writes, usually because a disk is full
        reason = f"the search stopped: {error}"
        with suppress(OSError):
            stop_running(run.directory, reason)
        print(f"{reason}; what was written before is complete, and --resume continues the search", flush=True)
        return FAULT


def _paths_from(study: Study) -> str | None:
    """The folder that relative paths of trials start from; None: the working directory of a trial, which is that of
    this process when Ray is local."""
    return None if study.base.resources.address == "local" else str(Path.cwd())
