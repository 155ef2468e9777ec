"""The axes of a search, checked together before anything starts, and the configurations that they span.

The check puts every value of an axis into the config once. So a misspelt key or a value out of range is found at once,
and not an hour into the search.
"""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

from sgg.config import Config, ConfigError, Study
from sgg.config.by_role import is_swept, keys_where, role_of
from sgg.config.loading.named_rows import ROW
from sgg.config.loading.trial_settings import decides_effects, is_of_model
from sgg.settings.keys import with_values

from .axis import RANGES, Axis, Values, describe, read_axis
from .repeats import chosen_axes
from .row_axis import faults_of_rows, read_rows
from .swept_values import faults_of_adjustments

MAX_COMBINATIONS = 4096


def faults_of_search(draft: Study) -> list[str]:
    """The faults of a search: those of each axis by itself, and those of the algorithm and scheduler with these axes.
    Each fault names its key."""
    return [*faults_of_axes(draft), *_algorithm_faults(draft)]


def faults_of_axes(draft: Study) -> list[str]:
    """The faults of each axis by itself: of its `{search: ...}` leaf and of its values."""
    axes, _, faults = _readable(draft)
    for axis in axes:
        if axis.key != ROW:
            faults += [fault for value in axis.extremes() for fault in draft.faults_alone({axis.key: value})]
    return list(dict.fromkeys([*faults, *faults_of_rows(draft)]))


def read_axes(study: Study) -> tuple[Study, list[Axis]]:
    """The checked axes of a study, and the study without the axes that each trial sweeps by itself.

    Raises ConfigError with every fault, each naming its key.
    """
    if faults := faults_of_search(study):
        raise ConfigError(study.source, faults)
    axes, swept, _ = _readable(study)
    folded = {axis.key: list(axis.values) for axis in swept}
    study = Study.of(with_values(study.given, folded), {axis.key: study.axes[axis.key] for axis in axes}, study.source)
    if faults := _value_faults(study, axes):
        raise ConfigError(study.source, faults)
    return study, axes


def _readable(study: Study) -> tuple[list[Axis], list[Axis], list[str]]:
    """The axes along which trials differ, the axes that each trial sweeps by itself, and the faults of axes that cannot
    be read."""
    axes: list[Axis] = []
    swept: list[Axis] = []
    faults: list[str] = []
    for key, leaf in study.axes.items():
        if key == ROW:
            axes.append(read_rows(leaf))
            continue
        try:
            (swept if is_swept(key) else axes).append(read_axis(key, leaf))
        except ValueError as error:
            faults.append(str(error))
    return axes, swept, faults


def configurations(study: Study, axes: list[Axis]) -> list[Values]:
    """The configurations that a random or grid search tries, each a mapping of dotted keys, without the values of its
    repetitions (`repeats.py`).

    The grid axes (for algorithm `grid`: all axes) run in full for each draw of the other axes. Draws are distinct, so
    there are fewer than `search.trials` when the axes have fewer values. Configurations that differ only in settings
    which their entries of registries do not have, or which have no effect in them, count once.
    """
    search, axes = study.base.search, chosen_axes(axes)
    gridded = [axis for axis in axes if axis.kind == "grid" or search.algorithm == "grid"]
    drawn = [axis for axis in axes if axis not in gridded]
    grid = [dict(zip([axis.key for axis in gridded], values, strict=True))
            for values in itertools.product(*(axis.values for axis in gridded))]
    generator = random.Random(study.base.experiment.seed[0])
    draws: list[Values] = []
    for _ in range(100 * search.trials if drawn else 1):
        draw = {axis.key: axis.draw(generator) for axis in drawn}
        if draw not in draws:
            draws.append(draw)
        if len(draws) == search.trials:
            break
    found = [{axis.key: {**draw, **point}[axis.key] for axis in axes} for draw in draws for point in grid]
    if not any(axis.chooses_methods or decides_effects(axis.key) for axis in axes):
        return found
    distinct: dict[tuple[Any, str], Values] = {}
    for values in found:
        distinct.setdefault((values.get(ROW), study.trial(values).model_dump_json()), values)
    return list(distinct.values())


def _algorithm_faults(study: Study) -> list[str]:
    search = study.base.search
    faults = []
    axes, _, _ = _readable(study)
    chooses = [key for key in study.axes if not is_swept(key) and not role_of(key).block]  # also unreadable ones
    for axis in axes:
        if search.algorithm == "grid" and axis.kind in RANGES:
            faults.append(f"{axis.key}: search.algorithm grid needs listed values, got {axis.kind}: use choice or grid")
        if search.algorithm == "optuna" and axis.kind == "grid" and not axis.role.block:
            faults.append(f"{axis.key}: search.algorithm optuna chooses by itself and takes no grid: use choice")
        if search.scheduler == "pbt" and not axis.role.mid_training:
            faults.append(f"{axis.key}: search.scheduler pbt changes settings while a model trains, and this setting "
                          f"cannot change then; choose another scheduler, or search only "
                          f"{', '.join(keys_where(lambda role: role.mid_training))}")
    for name, value in (("algorithm", "optuna"), ("scheduler", "pbt")):
        if not chooses and getattr(search, name) == value:
            faults.append(f"search.{name} {value} has nothing to choose: write a range in place of a setting's value, "
                          "or run the one configuration with python -m platform.train")
    if search.scheduler == "pbt" and search.algorithm == "optuna":
        faults.append("search.algorithm must be random or grid where search.scheduler is pbt: pbt chooses by itself")
    if search.scheduler == "pbt" and len(study.base.experiment.seed) > 1:
        faults.append(f"experiment.seed must be one seed where search.scheduler is pbt: trials copy one another, "
                      f"got {study.base.experiment.seed}")
    return faults


def combinations(axes: list[Axis], most: int = MAX_COMBINATIONS) -> list[Values]:
    """Points to check: every combination of the axes' values, where a range has its two ends. When there are more than
    `most`: every single value, with the first values of the other axes."""
    if math.prod(len(axis.extremes()) for axis in axes) > most:
        return singles(axes)
    keys = [axis.key for axis in axes]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(axis.extremes() for axis in axes))]


def singles(axes: list[Axis]) -> list[Values]:
    """Every single value of the axes, with the first values of the other axes. A range counts with its two ends."""
    first = {axis.key: axis.extremes()[0] for axis in axes}
    return [{**first, axis.key: value} for axis in axes for value in axis.extremes()]


def longest_training(study: Study, axes: list[Axis]) -> int:
    """The epochs of the longest trial."""
    return max(study.trial(point).training.epochs for point in singles(axes) or [{}])


def models(study: Study, axes: list[Axis]) -> list[tuple[Values, Config]]:
    """The different models of a checked search, as `swept_values` takes them."""
    return [(point, study.trial(point))
            for point in combinations([axis for axis in axes if axis.key == ROW or is_of_model([axis.key])])]


def _value_faults(study: Study, axes: list[Axis]) -> list[str]:
    """Faults of single values; when there are none, faults of combinations of values; and when there are none of these
    either, the values of adjustments that no trial can be measured under."""
    return _faults_of(study, singles(axes), named=ROW in study.axes) or \
        _faults_of(study, combinations(axes), named=True) or faults_of_adjustments(study, models(study, axes))


def _faults_of(study: Study, points: list[Values], named: bool = False) -> list[str]:
    faults: dict[str, Values] = {}
    for point in points:
        try:
            study.trial(point)
        except ConfigError as error:
            for fault in error.faults:
                faults.setdefault(fault, point)
    return [f"{fault} (with {describe(point)})" if named else fault for fault, point in faults.items()]
