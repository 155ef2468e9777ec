"""Runs the trials of a study on Ray and sums them up. Both commands, tune and train, end here."""

from __future__ import annotations

import importlib.util
import signal
from dataclasses import dataclass
from typing import Any

from sgg.config import Config, ConfigError, Study, resolve

from .ray_session import largest_node, nodes, ray_session
from .search_space import Axis, configurations
from .study import FAILED, FINISHED, RAY, RUNNING, STOPPED, StudyDirectory
from .worker import find

INTERRUPTED = 130
GROUND = ("data.", "detector.", "gan.enabled", "gan.visual_conditioning")
"""Axes that decide what trials share."""


@dataclass(frozen=True)
class Parts:
    """Where the science is, each "module:function"; tests put smaller parts here.

    open_data: `sgg.opening.open_data`; says at once what is wrong with the data. prepare: `sgg.build.prepare`; makes
    what trials share. fit: `sgg.fit.fit`.
    """

    open_data: str = "sgg.opening:open_data"
    prepare: str = "sgg.build:prepare"
    fit: str = "sgg.fit:fit"


def run_study(study: Study, axes: list[Axis], resume: bool, parts: Parts, **local_ray: Any) -> int:
    """Run all trials of a study, print and write the results.

    Returns 0 when all trials succeeded, 1 when some failed, 130 when interrupted. Raises ConfigError,
    FileNotFoundError or ValueError, before any trial is started, for what cannot be run.
    """
    directory = StudyDirectory.of(study)
    directory.check(study, resume)
    _check_modules(study)
    data = find(parts.open_data)(study.base)
    resolve(study.base, data.name)  # what does not fit the data is refused before Ray is started
    print(f"data: {data.description}", flush=True)
    with ray_session(study.base.resources.address, study.source, **local_ray) as total:
        resources = _resources(study, total)
        facts, epochs = _prepare(study, axes, parts)
        directory.begin(study, {"data": facts, "resources": resources, "epochs": epochs, "fit": parts.fit})
        interrupted = _run_trials(study, axes, directory, resources, epochs, resume)
    for record in directory.records():
        if record.status == RUNNING:
            record.status, record.reason = STOPPED, "interrupted" if interrupted else "the time of the search was over"
            record.write()
    return _sum_up(directory, interrupted)


def _resources(study: Study, total: dict[str, float]) -> dict[str, float]:
    from .schedule import resources_per_trial

    resources = resources_per_trial(study, total.get("GPU", 0))
    faults = [f"resources.{name.lower()}s: a trial wants {amount:g}, but no node of this Ray has more than "
              f"{largest_node(name):g}" for name, amount in resources.items() if amount > largest_node(name)]
    if faults:
        raise ConfigError(study.source, faults)
    return resources


def _prepare(study: Study, axes: list[Axis], parts: Parts) -> tuple[dict[str, Any], int]:
    """Make what trials share, so that none waits for another. Returns the facts of the data and a trial's epochs."""
    prepare = find(parts.prepare)
    shared = [axis for axis in axes if axis.key.startswith(GROUND)]
    points = configurations(study, shared) if shared and study.base.search.algorithm != "optuna" else [{}]
    grounds = [prepare(config) for config in _distinct([study.trial(point) for point in points])]
    lengths = [ground.config.training.epochs for ground in grounds]
    lengths += [value for axis in axes if axis.key == "training.epochs" for value in axis.extremes()]
    return grounds[0].data_facts(), max(lengths)


def _distinct(configs: list[Config]) -> list[Config]:
    return list({config.model_dump_json(): config for config in configs}.values())


def _run_trials(study: Study, axes: list[Axis], directory: StudyDirectory, resources: dict[str, float], epochs: int,
                resume: bool) -> bool:
    """Returns whether the search was interrupted."""
    from ray import tune
    from ray.tune import CheckpointConfig, ResumeConfig

    from .bookkeeping import Bookkeeping
    from .live_table import LiveTable
    from .schedule import number_of_trials, param_space, scheduler, search_algorithm, trials_at_once
    from .tracking import trackers
    from .trial import Trial

    search = study.base.search
    count, at_once = number_of_trials(study, axes), trials_at_once(study, resources, nodes())
    again = ResumeConfig(finished=ResumeConfig.ResumeType.SKIP, unfinished=ResumeConfig.ResumeType.RESUME,
                         errored=ResumeConfig.ResumeType.RESUME)
    print(f"{count} trials, {min(at_once, count)} at a time, each on "
          f"{' and '.join(f'{amount:g} {name}' for name, amount in resources.items())}; everything is written under "
          f"{directory.path}", flush=True)
    before = signal.getsignal(signal.SIGINT)
    try:
        with LiveTable(study.base, count, min(at_once, count), epochs) as table:
            tune.run(
                Trial, name=RAY, storage_path=str(directory.path), num_samples=count,
                config=param_space(study, axes, str(directory.path)), search_alg=search_algorithm(study, axes, at_once),
                scheduler=scheduler(study, axes, epochs), time_budget_s=search.time_budget_s,
                callbacks=[Bookkeeping(directory, search.max_failures), table, *trackers(study, directory)],
                checkpoint_config=CheckpointConfig(checkpoint_at_end=False), max_failures=search.max_failures,
                # A trial that is paused keeps its process, which then must not serve another.
                reuse_actors=search.scheduler != "pbt", resume_config=again if resume else None,
                raise_on_failed_trial=False, trial_dirname_creator=_trial_id, verbose=0)
        # Tune puts its own handler there, and takes it away again at the first Ctrl-C.
        return signal.getsignal(signal.SIGINT) is before
    except KeyboardInterrupt:
        return True
    finally:
        signal.signal(signal.SIGINT, before)


def _trial_id(trial: Any) -> str:
    return trial.trial_id


def _sum_up(directory: StudyDirectory, interrupted: bool) -> int:
    from .results import write_results

    records = directory.records()
    counts = {status: sum(record.status == status for record in records) for status in (FINISHED, STOPPED, FAILED)}
    if interrupted:
        print("interrupted; with --resume it goes on")
    if records:
        print(write_results(directory.path), end="")
    for record in records:
        if record.status == FAILED:
            print(f"{record.name} failed: {record.reason}\n  {record.values}\n  {record.directory}/error.txt")
    print(f"{', '.join(f'{count} {status}' for status, count in counts.items() if count)}; results, logs and "
          f"checkpoints: {directory.path}")
    return INTERRUPTED if interrupted else 1 if counts[FAILED] else 0


def _check_modules(study: Study) -> None:
    wanted = {"optuna": study.base.search.algorithm == "optuna", "wandb": study.base.tracking.wandb != "off",
              "tensorboardX": study.base.tracking.tensorboard, "pyarrow": study.base.tracking.parquet}
    faults = [f"package {name} is missing: pip install {name}" for name, used in wanted.items()
              if used and importlib.util.find_spec(name) is None]
    if faults:
        raise ConfigError(study.source, faults)
