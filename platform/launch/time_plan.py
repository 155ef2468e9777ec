"""How long a run would take, by the pace of earlier runs on this machine, and on what that rests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sgg.common.machine import this_machine
from sgg.common.sizes import minutes
from sgg.config import Study
from sgg.systems.forecast import SharedPart

from ..search.axis import Axis, Values, describe
from ..search.repeats import block_axes
from ..search.search_space import combinations
from .opened_data import MOST_OPENED, Opened
from .pace import EPOCHS, Pace, pace_of, timed_trials

MOST_SHOWN = 16
"""Of more kinds of trials the plan has one line for those that are left."""


@dataclass(frozen=True)
class Kind:
    """Trials that take the same time: those of one head, loss and augmentation, or of one row. count: how many; of a
    search that chooses as it goes an equal share. epochs: of the longest."""

    point: Values
    count: float
    epochs: int
    pace: Pace | None

    @property
    def seconds(self) -> float:
        """The time of all of them, one after another; 0 where the pace is unknown."""
        return 0.0 if self.pace is None else self.count * (self.epochs * self.pace.epoch + (self.pace.rest or 0.0))

    @property
    def each(self) -> str:
        """The time of one of them in words."""
        if self.pace is None:
            return "unknown"
        beside = f" and {minutes(self.pace.rest)} of validation and test" if self.pace.rest is not None else \
            ", without validation and test, which no such run has measured"
        return f"{self.epochs} epoch{'s' * (self.epochs != 1)} of {self.pace.epoch:.3g} s{beside}"


def time_lines(study: Study, axes: list[Axis], opened: Opened, parts: Sequence[SharedPart],
               planned: list[Values] | None, count: int, at_once: int) -> Iterator[str]:
    """The time of the trials and of what is made before them.

    planned: the values of each trial; None: the search chooses as it goes. count: of trials, of which `at_once` run at
    a time.
    """
    found = kinds(study, axes, opened, planned, count)
    if all(kind.pace is None for kind in found):
        yield (f"time: unknown. No run under {study.base.experiment.output} has trained such a model on this machine. "
               "The first epoch of a run shows the time left; a run of training.epochs=1 under another experiment.name "
               "measures it for the next plan")
    else:
        yield from _of_trials(study, found, count, at_once)
    first = [part for part in parts if not part.there]
    known = sum(part.seconds for part in first if part.seconds is not None)
    unknown = [part.name for part in first if part.seconds is None]
    if known:
        yield f"  before them: about {minutes(known)} for {', '.join(part.name for part in first if part.seconds)}"
    if unknown:
        yield f"  before them, of unknown time: {', '.join(unknown)}"


def kinds(study: Study, axes: list[Axis], opened: Opened, planned: list[Values] | None, count: int) -> list[Kind]:
    """The kinds of trials of a study, with their pace."""
    telling = [axis for axis in axes if axis.chooses_methods]
    if planned is None:
        points = combinations(telling, MOST_OPENED)
        counts = dict.fromkeys(map(repr, points), count / len(points))
    else:
        points = [{axis.key: values[axis.key] for axis in telling} for values in planned]
        counts = dict(Counter(map(repr, points)))
    hashes = None if block_axes(axes) else {data.hash for _, data in opened}
    trials = timed_trials(study.base, hashes, this_machine())
    searched = {axis.key for axis in axes if axis not in telling}
    longest = max((value for axis in axes if axis.key == EPOCHS for value in axis.extremes()), default=0)
    found = []
    for name, point in {repr(point): point for point in points}.items():
        config = study.trial(point)
        found.append(Kind(point, counts[name], longest or config.training.epochs, pace_of(config, searched, trials)))
    return found


def _of_trials(study: Study, found: Sequence[Kind], count: int, at_once: int) -> Iterator[str]:
    known = [(kind, kind.pace) for kind in found if kind.pace is not None]
    rounds = math.ceil(count / at_once) / count
    about = f"{'at most ' if study.base.search.scheduler in ('asha', 'median') else ''}about " \
            f"{minutes(rounds * sum(kind.seconds for kind in found))}"
    at_a_time = f"{at_once} trial{'s' * (at_once != 1)} at a time; each takes some seconds more to start"
    if len(found) == 1:
        yield f"time: {about} for the trials, each {found[0].each}, {at_a_time}"
    else:
        without = len(found) - len(known)
        but = f" but those of {without} kind{'s' * (without != 1)}" if without else ""
        yield f"time: {about} for the trials{but}, {at_a_time}"
        yield from (f"  {describe(one.point)}: {one.count:.3g} trials, each {one.each}" for one in found[:MOST_SHOWN])
        if len(found) > MOST_SHOWN:
            yield f"  and {len(found) - MOST_SHOWN} kinds more"
    epochs = sum(len(pace.epochs) for _, pace in known)
    runs = dict.fromkeys(run for _, pace in known for run in pace.runs)
    yield (f"  measured in {epochs} epochs of {', '.join(runs)} on this machine; other work on it, and "
           "another number of trials at a time, change them")
