"""The repetitions of a configuration: each training seed and, in a search over data sets of one kind, each data set."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sgg.config import Study

from .axis import Axis, Values

SEED_KEY = "experiment.seed"


def repeats(study: Study, axes: Sequence[Axis]) -> list[Values]:
    """What a trial of each repetition has beside the values of its configuration. The first data set comes first, with
    all of its seeds."""
    blocks = block_axes(axes)
    return [{**{axis.key: value for axis, value in zip(blocks, values, strict=True)}, SEED_KEY: seed}
            for values in itertools.product(*(axis.values for axis in blocks)) for seed in study.base.experiment.seed]


def block_axes(axes: Sequence[Axis]) -> list[Axis]:
    """The axes along which configurations are repeated on other data."""
    return [axis for axis in axes if axis.role.block]


def chosen_axes(axes: Sequence[Axis]) -> list[Axis]:
    """The axes along which configurations differ."""
    return [axis for axis in axes if not axis.role.block]


def describe_repeat(values: Values) -> str:
    """A repetition in words: `seed 3`, or `data.seed 1, seed 3`."""
    return ", ".join(f"{'seed' if key == SEED_KEY else key} {value}" for key, value in values.items())
