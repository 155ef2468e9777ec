"""What the trials of a study share, made on Ray before the first one starts: the detector, stores, a generator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from sgg.config import Config, Study
from sgg.config.by_role import role_of
from sgg.settings.keys import flatten
from sgg.systems import generator_key, parts_of, reads_features

from ..cluster.feature_tasks import extract
from ..cluster.map_tasks import has_several, store_maps
from ..cluster.session import require_nodes, require_room
from ..search.axis import Axis, Values
from ..search.planned_trials import plan
from ..search.schedule import resources_per_task, resources_per_trial
from ..search.search_space import combinations, longest_training
from ..study.entry_points import EntryPoints, find
from .opened_data import MOST_OPENED

if TYPE_CHECKING:
    from sgg.data.provenance import DataProvenance

MISSING_SHOWN = 8


def trial_resources(study: Study, total: dict[str, float]) -> dict[str, float]:
    """What each trial holds, by name of the resource. total: the resources of this Ray.

    Raises ConfigError when no node can run a trial.
    """
    require_nodes(study)
    resources = resources_per_trial(study, total.get("GPU", 0))
    require_room(study, resources, "a trial")
    return resources


def shared_configs(study: Study, axes: list[Axis]) -> list[Config]:
    """The configs that differ in what trials share, such as the data, the detector or a generator."""
    shared, planned = [axis for axis in axes if axis.role.shared], plan(study, axes)
    if planned is None:  # the search chooses values as it goes, so a range has no values to prepare
        return _different(study, combinations([axis for axis in shared if axis.values], MOST_OPENED))
    found = _different(study, [{axis.key: values[axis.key] for axis in shared} for values in planned])
    if any(map(generator_key, found)):  # axes that are not shared may decide a generator, too
        found = _different(study, planned)
    return found


def _different(study: Study, points: Sequence[Values]) -> list[Config]:
    """Of the configs of trials with these values, the first of those that share the same."""
    found: dict[str, Config] = {}
    for point in {repr(point): point for point in points}.values():
        config = study.trial(point)  # of a row, which may differ in other settings alone
        found.setdefault(_what_is_shared(config), config)
    return list(found.values())


def _what_is_shared(config: Config) -> str:
    shared = [item for item in flatten(config.model_dump()).items() if role_of(item[0]).shared]
    return repr([*shared, generator_key(config)])


def prepare(study: Study, axes: list[Axis], entry_points: EntryPoints,
            total: dict[str, float]) -> tuple[list[DataProvenance], int]:
    """Make what trials share, so that no trial waits for another to make it.

    Returns the provenance of each data set, and the number of epochs of the longest trial.
    """
    prepare_one = find(entry_points.prepare)
    configs = shared_configs(study, axes)
    if entry_points.share:
        for config in configs:
            share(config, resources_per_task(study, total.get("GPU", 0)), total)
        prepare_one = partial(prepare_one, make_maps=False)
    found = [prepare_one(config).provenance for config in configs]
    different = {(one.get("hash"), *parts_of(one).values()): one for one in reversed(found)}  # the first of each
    return list(different.values())[::-1], longest_training(study, axes)


def share(config: Config, resources: dict[str, float], total: dict[str, float]) -> None:
    """Make the stores that trials of a config read: maps, and features where several GPUs or nodes can extract them.
    resources: of a task. total: of this Ray."""
    store_maps(config, resources, total)
    if reads_features(config) and has_several(total):
        extract(config, resources)


def missing_vectors(provenance: DataProvenance) -> str:
    """A line that names the classes and predicates without a word vector; empty when there are none. They get random
    vectors, and so random neighbours."""
    missing = provenance.get("embeddings_missing", [])
    if not missing:
        return ""
    shown = ", ".join(missing[:MISSING_SHOWN]) + (", ..." if len(missing) > MISSING_SHOWN else "")
    return (f"embeddings: {provenance['embeddings']} has no vector for {len(missing)} names, which get random vectors: "
            f"{shown}")
