"""The search space, search algorithm and scheduler of a study, as Ray Tune's objects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ray import tune
from ray.tune.schedulers import (
    ASHAScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)
from ray.tune.search import SearchAlgorithm, Searcher

from sgg.config import Study

from ..study.directory import JUDGEMENTS, OPTUNA, StudyDirectory
from ..trial.trainable import OBJECTIVE, STUDY_KEY, TIME
from .axis import Axis, Values
from .early_stopping import EarlyStopping, Past
from .judgements import Judgements
from .planned_search import PlannedSearch
from .planned_trials import plan
from .population import Population
from .repeats import SEED_KEY, chosen_axes, repeats


def param_space(study: Study, axes: list[Axis], directory: str) -> dict[str, Any]:
    """Tune's search space. It has plain values and domains only, so that a resumed search gets the same space."""
    if study.base.search.algorithm == "optuna":
        return {STUDY_KEY: directory, **{axis.key: axis.domain() for axis in chosen_axes(axes)}}
    return {STUDY_KEY: directory, **{axis.key: axis.domain() for axis in axes},
            SEED_KEY: tune.choice(list(study.base.experiment.seed))}


def search_algorithm(study: Study, axes: list[Axis], at_once: int) -> SearchAlgorithm | Searcher:
    """Chooses the configurations to try, `at_once` trials at a time."""
    planned = plan(study, axes)
    if planned is not None:
        return PlannedSearch(points_to_evaluate=planned, max_concurrent=at_once)
    from .optuna_search import RepeatingOptuna  # imports Optuna

    base = study.base
    return RepeatingOptuna(StudyDirectory.of(study).path / OPTUNA, base.experiment.name, base.search.objectives,
                           repeats(study, axes), at_once)


def scheduler(study: Study, axes: list[Axis], epochs: int, past: Mapping[str, Past] | None = None) -> TrialScheduler:
    """The scheduler, which stops all repetitions of a configuration together. It counts in epochs.

    epochs: of the longest trial. past: trial id -> what the trial had done, in a search that is resumed.
    """
    rule = _rule(study, axes, epochs)
    if study.base.search.scheduler not in ("asha", "median"):
        return rule
    judgements = Judgements(StudyDirectory.of(study).path / JUDGEMENTS)
    return EarlyStopping(rule, repeats(study, axes)[0], epochs, judgements, past)


def _rule(study: Study, axes: list[Axis], epochs: int) -> TrialScheduler:
    search = study.base.search
    common: dict[str, Any] = {"time_attr": TIME, "metric": OBJECTIVE, "mode": search.objectives[0][1]}
    match search.scheduler:
        case "asha":
            # A trial in its last epoch must not be stopped, since its test still follows.
            return ASHAScheduler(**common, max_t=max(epochs, search.grace_epochs) + 1,
                                 grace_period=search.grace_epochs, reduction_factor=search.reduction_factor)
        case "median":
            return MedianStoppingRule(**common, grace_period=search.grace_epochs, min_samples_required=2)
        case "pbt":
            mutations = {axis.key: list(axis.values) if axis.values else axis.domain() for axis in axes}
            return Population(**common, perturbation_interval=search.grace_epochs,
                              hyperparam_mutations=mutations, log_config=False, require_attrs=False,
                              custom_explore_fn=partial(within_ranges, axes))
        case _:
            return FIFOScheduler()


def within_ranges(axes: list[Axis], values: Values) -> Values:
    """Clip values to their ranges. Population-based training multiplies them by 0.8 or 1.2."""
    return values | {axis.key: min(max(values[axis.key], axis.low), axis.high) for axis in axes
                     if not axis.values and axis.key in values}


def resources_per_trial(study: Study, gpus_in_sight: float) -> dict[str, float]:
    """What the workers of a trial hold together, by name. gpus_in_sight: how many GPUs this Ray has."""
    wanted = study.base.resources
    per_worker = 1.0 if gpus_in_sight else 0.0
    gpus = per_worker * wanted.num_workers if wanted.gpus == "auto" else float(wanted.gpus)
    return {"CPU": wanted.all_cpus, **({"GPU": gpus} if gpus else {})}


def resources_per_task(study: Study, gpus_in_sight: float) -> dict[str, float]:
    """What a task over a range of images holds: as much as one worker of a trial, and at most one GPU."""
    whole, workers = resources_per_trial(study, gpus_in_sight), study.base.resources.num_workers
    return {name: min(amount / workers, amount if name == "CPU" else 1.0) for name, amount in whole.items()}


def trials_at_once(study: Study, per_trial: dict[str, float], nodes: list[dict[str, float]]) -> int:
    """How many trials run at a time: as many as fit, each on one node, and at most `search.max_concurrent`.

    On a cluster it is `search.max_concurrent` when that is given, since an autoscaler starts nodes for waiting trials.
    """
    fitting = sum(min(int(node.get(name, 0) / amount + 1e-9) for name, amount in per_trial.items()) for node in nodes)
    cap = study.base.search.max_concurrent
    if cap is not None and study.base.resources.address != "local":
        return cap
    return max(1, min(fitting, cap or fitting))
