"""The axes of a search: `{search: KIND, ...}` leaves of a config, checked before anything starts.

Every value that an axis can take is put into the config once, so a misspelt key or a value out of range is found on
the laptop and not an hour into the search.
"""

from __future__ import annotations

import difflib
import itertools
import math
import random
from dataclasses import dataclass
from typing import Any

from sgg.config import ConfigError, Study
from sgg.config.load import ALL_AT_ONCE

LISTED = ("choice", "grid")
RANGES = ("uniform", "loguniform", "randint")
NOT_SEARCHED = ("experiment", "search", "resources", "tracking")
MID_TRAINING = (
    "loss.", "gan.terms", "gan.attach_generator", "gan.adversarial_weight", "gan.learning_rate_", "gan.perturb.",
    "model.pairs_per_image", "model.foreground_share", "model.dropout", "training.batch_size", "training.learning_rate",
    "training.decay_epoch", "training.box_head_rate", "training.clip_gradient", "training.f_updates")
"""What may change while a model trains. All else decides the shape of weights, what is trained or on what, acts at the
beginning only, or (momentum, weight_decay) is kept with the moments in a checkpoint."""
MAX_COMBINATIONS = 4096

Values = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """One searched key. `values` for choice and grid; `low` and `high`, both included, for ranges."""

    key: str
    kind: str
    values: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0

    def extremes(self) -> list[Any]:
        """The values to check: all of them, or both ends of a range."""
        return list(self.values) if self.kind in LISTED else [self.low, self.high]

    def draw(self, generator: random.Random) -> Any:
        """A random value."""
        match self.kind:
            case "uniform":
                return generator.uniform(self.low, self.high)
            case "loguniform":
                value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
                return min(max(value, self.low), self.high)
            case "randint":
                return generator.randint(int(self.low), int(self.high))
            case _:
                return generator.choice(self.values)

    def domain(self) -> Any:
        """The same axis in Ray Tune's words."""
        from ray import tune

        match self.kind:
            case "uniform":
                return tune.uniform(self.low, self.high)
            case "loguniform":
                return tune.loguniform(self.low, self.high)
            case "randint":
                return tune.randint(int(self.low), int(self.high) + 1)
            case _:
                return tune.choice(list(self.values))


def read_axes(study: Study) -> tuple[Study, list[Axis]]:
    """The checked axes of a study, and the study without those that are swept inside each trial.

    Raises ConfigError with every fault, each naming its key.
    """
    axes, folded = [], {}
    if faults := faults_of_axes(study.axes):
        raise ConfigError(study.source, faults)
    for key, leaf in study.axes.items():
        axis = _parse(key, leaf)
        if key in ALL_AT_ONCE:
            folded[key] = list(axis.values)
        else:
            axes.append(axis)
    faults = _algorithm_faults(study, axes)
    if not faults:
        study = Study(study.trial(folded), {axis.key: study.axes[axis.key] for axis in axes}, study.source)
        faults = _value_faults(study, axes)
    if faults:
        raise ConfigError(study.source, faults)
    return study, axes


def faults_of_axes(axes: dict[str, Values]) -> list[str]:
    """What is wrong with axes as they stand in a file, each fault naming its key."""
    faults = []
    for key, leaf in axes.items():
        try:
            _parse(key, leaf)
        except ValueError as error:
            faults.append(str(error))
    return faults


def configurations(study: Study, axes: list[Axis]) -> list[Values]:
    """The configurations that a random or grid search tries, each a mapping of dotted keys, without the seeds.

    Grid axes (for algorithm `grid`: every axis) are run in full for each draw of the others. Draws are distinct: where
    an axis has fewer values than `search.trials` asks for, there are fewer.
    """
    search = study.base.search
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
    return [{axis.key: {**draw, **point}[axis.key] for axis in axes} for draw in draws for point in grid]


def _parse(key: str, leaf: Values) -> Axis:
    kind = leaf["search"]
    if key.split(".")[0] in NOT_SEARCHED:
        raise ValueError(f"{key} cannot be searched: it does not belong to a single trial")
    if kind not in (*LISTED, *RANGES):
        close = difflib.get_close_matches(str(kind), [*LISTED, *RANGES], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"{key}.search must be one of {', '.join([*LISTED, *RANGES])}, got {kind!r}{hint}")
    if key.startswith("evaluation.") and (key not in ALL_AT_ONCE or kind not in LISTED):
        raise ValueError(f"{key} cannot be searched: it does not change the trained model. Every value in the lists "
                         f"{', '.join(ALL_AT_ONCE)} is evaluated on each one")
    wanted = {"of"} if kind in LISTED else {"low", "high"}
    given = set(leaf) - {"search"}
    if given != wanted:
        raise ValueError(f"{key}: search {kind} takes {' and '.join(sorted(wanted, reverse=True))}, "
                         f"got {', '.join(sorted(map(str, given))) or 'nothing'}")
    return _listed(key, kind, leaf["of"]) if kind in LISTED else _range(key, kind, leaf["low"], leaf["high"])


def _listed(key: str, kind: str, values: Any) -> Axis:
    if not isinstance(values, list) or not values:
        raise ValueError(f"{key}.of must be a list of at least one value, got {values!r}")
    twice = [value for position, value in enumerate(values) if value in values[:position]]
    if twice:
        raise ValueError(f"{key}.of lists {twice[0]!r} twice")
    return Axis(key, kind, values=tuple(values))


def _range(key: str, kind: str, low: Any, high: Any) -> Axis:
    number = int if kind == "randint" else (int, float)
    for name, bound in (("low", low), ("high", high)):
        if isinstance(bound, bool) or not isinstance(bound, number) or not math.isfinite(bound):
            raise ValueError(f"{key}.{name} must be a {'whole' if kind == 'randint' else 'finite'} number, "
                             f"got {bound!r}")
    if not low < high:
        raise ValueError(f"{key}.low must be below {key}.high, got {low} and {high}")
    if kind == "loguniform" and low <= 0:
        raise ValueError(f"{key}.low must be > 0 for loguniform, got {low}")
    return Axis(key, kind, low=low, high=high)


def _algorithm_faults(study: Study, axes: list[Axis]) -> list[str]:
    search = study.base.search
    faults = []
    for axis in axes:
        if search.algorithm == "grid" and axis.kind in RANGES:
            faults.append(f"{axis.key}: search.algorithm grid needs listed values, got {axis.kind}: use choice or grid")
        if search.algorithm == "optuna" and axis.kind == "grid":
            faults.append(f"{axis.key}: search.algorithm optuna chooses by itself and takes no grid: use choice")
        if search.scheduler == "pbt" and not axis.key.startswith(MID_TRAINING):
            faults.append(f"{axis.key}: search.scheduler pbt changes settings while a model trains, which this one "
                          f"cannot; choose another scheduler, or search only {', '.join(MID_TRAINING)}")
    for name, value in (("algorithm", "optuna"), ("scheduler", "pbt")):
        if not axes and getattr(search, name) == value:
            faults.append(f"search.{name} {value} has nothing to choose: write a range in place of a setting's value, "
                          "or run the one configuration with python -m platform.train")
    if search.scheduler == "pbt" and search.algorithm == "optuna":
        faults.append("search.algorithm must be random or grid where search.scheduler is pbt: pbt chooses by itself")
    if search.scheduler == "pbt" and len(study.base.experiment.seed) > 1:
        faults.append(f"experiment.seed must be one seed where search.scheduler is pbt: trials copy one another, "
                      f"got {study.base.experiment.seed}")
    return faults


def combinations(axes: list[Axis], most: int = MAX_COMBINATIONS) -> list[Values]:
    """Points to check: every combination of the axes' values, of a range its ends. Where these are more than `most`:
    every single value, beside the first ones of the other axes."""
    if math.prod(len(axis.extremes()) for axis in axes) > most:
        return _singles(axes)
    keys = [axis.key for axis in axes]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(axis.extremes() for axis in axes))]


def _singles(axes: list[Axis]) -> list[Values]:
    first = {axis.key: axis.extremes()[0] for axis in axes}
    return [{**first, axis.key: value} for axis in axes for value in axis.extremes()]


def _value_faults(study: Study, axes: list[Axis]) -> list[str]:
    """Faults of single values, else of combinations of values."""
    return _faults_of(study, _singles(axes)) or _faults_of(study, combinations(axes), named=True)


def _faults_of(study: Study, points: list[Values], named: bool = False) -> list[str]:
    faults: dict[str, Values] = {}
    for point in points:
        try:
            study.trial(point)
        except ConfigError as error:
            for fault in error.faults:
                faults.setdefault(fault, point)
    return [f"{fault} (with {describe(point)})" if named else fault for fault, point in faults.items()]


def describe(values: Values) -> str:
    """Searched settings in one line: `loss.kind=dnorm gan.perturb.alpha=5`."""
    return " ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
                    for key, value in values.items())
