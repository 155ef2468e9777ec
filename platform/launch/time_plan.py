"""How long a run would take, by the pace of earlier runs on this machine, and on what that rests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sgg.common.machine import this_machine
from sgg.common.sizes import minutes
from sgg.config import Study
from sgg.systems.forecast import SharedPart

from ..search.axis import Axis
from .opened_data import Opened
from .pace import Pace, pace_of


def time_lines(study: Study, axes: list[Axis], opened: Opened, parts: Sequence[SharedPart], count: int,
               at_once: int) -> Iterator[str]:
    """The time of the trials and of what is made before them. count: of trials, of which `at_once` run at a time."""
    config = study.base
    epochs = max([config.training.epochs, *(value for axis in axes if axis.key == "training.epochs"
                                            for value in axis.extremes())])
    pace = pace_of(config, {axis.key for axis in axes}, {data.hash for _, data in opened}, this_machine())
    if pace is None:
        yield (f"time: unknown. No run under {config.experiment.output} has trained such a model on this machine. The "
               "first epoch of a run shows the time left; a run of training.epochs=1 under another experiment.name "
               "measures it for the next plan")
    else:
        yield from _of_trials(study, pace, epochs, count, at_once)
    first = [part for part in parts if not part.there]
    known = sum(part.seconds for part in first if part.seconds is not None)
    unknown = [part.name for part in first if part.seconds is None]
    if known:
        yield f"  before them: about {minutes(known)} for {', '.join(part.name for part in first if part.seconds)}"
    if unknown:
        yield f"  before them, of unknown time: {', '.join(unknown)}"


def _of_trials(study: Study, pace: Pace, epochs: int, count: int, at_once: int) -> Iterator[str]:
    rest = pace.rest
    seconds = math.ceil(count / at_once) * (epochs * pace.epoch + (rest or 0.0))
    most = "at most " if study.base.search.scheduler in ("asha", "median") else ""
    beside = f" and {minutes(rest)} of validation and test" if rest is not None else \
        ", without validation and test, which no such run has measured"
    each = f"{epochs} epoch{'s' * (epochs != 1)} of {pace.epoch:.3g} s{beside}"
    yield (f"time: {most}about {minutes(seconds)} for the trials, each {each}, "
           f"{at_once} trial{'s' * (at_once != 1)} at a time; each takes some seconds more to start")
    yield (f"  measured in {len(pace.epochs)} epochs of {', '.join(pace.runs)} on this machine; other work on it, and "
           "another number of trials at a time, change them")
