"""What decides which trials run next and which are stopped early, in Ray Tune's terms."""

from __future__ import annotations

from typing import Any

from ray import tune
from ray.tune.schedulers import (
    ASHAScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    PopulationBasedTraining,
    TrialScheduler,
)
from ray.tune.search import BasicVariantGenerator, SearchAlgorithm, Searcher

from sgg.config import Study

from .search_space import Axis, Values, configurations
from .seeds import SEED_KEY, OncePerSeed
from .trial import OBJECTIVE, STUDY_KEY, TIME


def plan(study: Study, axes: list[Axis]) -> list[Values] | None:
    """Every trial of a random or grid search, seeds included; None where the search decides as it goes."""
    if study.base.search.algorithm == "optuna":
        return None
    return [{**values, SEED_KEY: seed} for values in configurations(study, axes) for seed in study.base.experiment.seed]


def number_of_trials(study: Study, axes: list[Axis]) -> int:
    """How many trials the search runs in all."""
    planned = plan(study, axes)
    return len(planned) if planned is not None else study.base.search.trials * len(study.base.experiment.seed)


def param_space(study: Study, axes: list[Axis], directory: str) -> dict[str, Any]:
    """What Tune chooses from: plain values and domains only, so that a restored search finds the same."""
    space: dict[str, Any] = {STUDY_KEY: directory, **{axis.key: axis.domain() for axis in axes}}
    if study.base.search.algorithm != "optuna":
        space[SEED_KEY] = tune.choice(list(study.base.experiment.seed))
    return space


def search_algorithm(study: Study, axes: list[Axis], at_once: int) -> SearchAlgorithm | Searcher:
    """The order in which configurations are tried, `at_once` trials at a time."""
    planned = plan(study, axes)
    if planned is not None:
        return BasicVariantGenerator(points_to_evaluate=planned, max_concurrent=at_once)
    from ray.tune.search.optuna import OptunaSearch

    seeds = study.base.experiment.seed
    chooser = OptunaSearch(metric=OBJECTIVE, mode=study.base.search.mode, seed=seeds[0])
    return OncePerSeed(chooser, seeds, at_once)


def scheduler(study: Study, axes: list[Axis], epochs: int) -> TrialScheduler:
    """The rule that stops trials early. It counts in epochs, as trials report."""
    search = study.base.search
    common = {"time_attr": TIME, "metric": OBJECTIVE, "mode": search.mode}
    match search.scheduler:
        case "asha":
            # A trial in its last epoch is not to be stopped: its test is still to come.
            return ASHAScheduler(**common, max_t=max(epochs, search.grace_epochs) + 1,
                                 grace_period=search.grace_epochs, reduction_factor=search.reduction_factor)
        case "median":
            return MedianStoppingRule(**common, grace_period=search.grace_epochs, min_samples_required=2)
        case "pbt":
            mutations = {axis.key: list(axis.values) if axis.values else axis.domain() for axis in axes}
            return PopulationBasedTraining(**common, perturbation_interval=search.grace_epochs,
                                           hyperparam_mutations=mutations, log_config=False)
        case _:
            return FIFOScheduler()


def resources_per_trial(study: Study, gpus_in_sight: float) -> dict[str, float]:
    """What the workers of a trial hold in all."""
    wanted = study.base.resources
    per_worker = 1.0 if gpus_in_sight else 0.0
    gpus = per_worker * wanted.num_workers if wanted.gpus == "auto" else float(wanted.gpus)
    return {"CPU": wanted.cpus * wanted.num_workers, **({"GPU": gpus} if gpus else {})}


def trials_at_once(study: Study, per_trial: dict[str, float], nodes: list[dict[str, float]]) -> int:
    """How many trials, each on one node, fit into the cluster, at most `search.max_concurrent`."""
    fitting = sum(min(int(node.get(name, 0) / amount + 1e-9) for name, amount in per_trial.items()) for node in nodes)
    return max(1, min(fitting, study.base.search.max_concurrent or fitting))


