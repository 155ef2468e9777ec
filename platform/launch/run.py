"""Runs a study from its settings to the exit status. The commands `tune` and `train` call it.

This file checks a study before Ray starts, and starts Ray. `trials.py` does the rest, and imports Ray.
"""

from __future__ import annotations

from sgg.config import Study

from ..cluster.interrupts import Interrupts
from ..cluster.session import ray_session
from ..cluster.watch import own_last_words
from ..search.axis import Axis
from ..search.search_space import models
from ..search.swept_values import left_out
from ..study.directory import StudyDirectory
from ..study.entry_points import EntryPoints
from . import preflight


@Interrupts(None).watched()
def run_study(study: Study, axes: list[Axis], resume: bool, entry_points: EntryPoints) -> int:
    """Run all trials of a study, write and print the results. resume: continue the study that is on disk.

    Returns 0 when no trial failed, 1 when some failed or the search stopped, 130 when it was interrupted. Raises
    ConfigError, FileNotFoundError or ValueError, before any trial starts, when the study cannot run.
    """
    directory = StudyDirectory.of(study)
    directory.check(study, resume)
    preflight.check(study)
    from . import opened_data  # imports numpy, which is slow; the checks above do not wait for it

    opened = opened_data.open_data(study, axes, entry_points)
    opened_data.require_plugins(study, axes, opened)
    opened_data.require_same_data(directory, study, opened)
    print("\n".join(opened_data.descriptions(opened)), flush=True)
    for line in left_out(study, models(study, axes)):
        print(line, flush=True)
    study = directory.with_plugins(study)
    # Ray installs its own handler of SIGTERM when it starts; the second watch replaces that one.
    with (own_last_words(), ray_session(study.base.resources.address, study.source) as total,
          Interrupts(None).watched()):
        from .trials import run_trials  # imports Ray, which reads environment variables that the session sets

        return run_trials(study, axes, directory, entry_points, resume, total)
