"""The trials of a search before it runs: their settings, or their number. This needs no Ray."""

from __future__ import annotations

import math

from sgg.config import Study

from .axis import Axis, Values
from .repeats import chosen_axes, repeats
from .search_space import configurations


def plan(study: Study, axes: list[Axis]) -> list[Values] | None:
    """The values of every trial of a random or grid search, each repetition of a configuration after the other; None
    when the search chooses as it goes."""
    if study.base.search.algorithm == "optuna":
        return None
    return [{**values, **repeat} for values in configurations(study, axes) for repeat in repeats(study, axes)]


def number_of_trials(study: Study, axes: list[Axis]) -> int:
    """How many trials the search runs in total."""
    planned = plan(study, axes)
    if planned is not None:
        return len(planned)
    most = math.prod(axis.size for axis in chosen_axes(axes))
    return int(min(study.base.search.trials, most)) * len(repeats(study, axes))
