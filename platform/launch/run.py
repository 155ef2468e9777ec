"""Runs the trials of a study on Ray and sums them up. Both commands, tune and train, end here."""

from __future__ import annotations

import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgg.common.command_line import INTERRUPTED
from sgg.config import Config, ConfigError, Study
from sgg.config.by_role import reference
from sgg.config.setting import Naming
from sgg.data.findings import in_words
from sgg.methods.plugins import loaded_digests

from ..cluster.interrupts import Interrupts, signal_heard
from ..cluster.session import nodes, ray_session, require_nodes, require_room
from ..cluster.watch import own_last_words, ray_is_gone, set_last_words
from ..search.axis import Axis
from ..search.search_space import combinations, configurations
from ..study.directory import FAILED, FINISHED, JUDGEMENTS, NOTES, RAY, RUNNING, STOPPED, StudyDirectory, TrialRecord
from ..study.entry_points import EntryPoints, find
from . import preflight

if TYPE_CHECKING:
    from sgg.data import DataSet
    from sgg.data.provenance import DataProvenance

    from ..search.early_stopping import Past

OUT_OF_TIME = "the time of the search was over"
MISSING_SHOWN = 8
MOST_OPENED = 16
"""Combinations of their values that are looked at; of more, single values. Each reads the annotation."""


@Interrupts(None).watched()
def run_study(study: Study, axes: list[Axis], resume: bool, entry_points: EntryPoints) -> int:
    """Run all trials of a study, print and write the results.

    Returns 0 when no trial failed, 1 when some did or the search could not go on, 130 when interrupted. Raises
    ConfigError, FileNotFoundError or ValueError, before any trial is started, for what cannot be run.
    """
    from sgg.experiment.data_checks import check_metric, image_hashes

    directory = StudyDirectory.of(study)
    directory.check(study, resume)
    preflight.check(study)
    opened: dict[str, str] = {}
    read: list[tuple[Config, DataSet]] = []
    for config in _opened(study, axes):  # what does not fit the data is refused before Ray is started
        data = find(entry_points.open_data)(config)
        opened[data.hash] = data.description
        read.append((config, data))
        if axes or study.base.search.trials > 1:  # then trials are compared
            check_metric(config, data)
    _require_plugins(study, axes, read)
    directory.require_data(study, opened)  # before anything is trained on them
    directory.require_pictures(study, (image_hashes(*one) for one in read))
    found = f"; {in_words(data.findings)}" if data.findings else ""
    print(f"data: {data.description}{_cut(study.base)}{found}", flush=True)
    study = directory.with_plugins(study)
    # Once Ray is up it has a handler of its own for SIGTERM.
    with (own_last_words(), ray_session(study.base.resources.address, study.source) as total,
          Interrupts(None).watched()):
        from ..search.schedule import number_of_trials

        resources = _resources(study, total)
        facts, epochs = _prepare(study, axes, entry_points, total)
        _tell_missing(facts)
        with directory.held(study, resume):
            directory.begin(study, {"data": facts, "epochs": epochs, "resources": resources, "fit": entry_points.fit,
                                    "paths_from": _paths_from(study),
                                    "plugins": loaded_digests(study.base.experiment.plugins)})
            set_last_words(partial(_end_without_ray, directory, number_of_trials(study, axes)))
            status = _run_to_an_end(study, axes, directory, resources, epochs, resume)
            set_last_words(lambda: status)
            return status


def _run_to_an_end(study: Study, axes: list[Axis], directory: StudyDirectory, resources: dict[str, float], epochs: int,
                   resume: bool) -> int:
    """Run the trials and, whatever ends them, say what became of each. Returns the exit status."""
    from ..search.schedule import number_of_trials

    interrupts = Interrupts(study.base.search.time_budget_s)
    try:
        interrupted, begun = _run_trials(study, axes, directory, resources, epochs, resume, interrupts)
        reason = "interrupted" if interrupted and not interrupts.over else OUT_OF_TIME
        _stop_what_runs(directory, reason)
        not_begun = number_of_trials(study, axes) - begun
        if interrupts.over:
            print("the time of the search was over; with --resume it goes on, for as long again")
        elif interrupted:
            print("interrupted; with --resume it goes on")
        elif not_begun > 0:
            print("the search algorithm found nothing more that it had not tried")
        failed = _sum_up(directory, not_begun)
        return INTERRUPTED if interrupted and not interrupts.over else 1 if failed else 0
    except OSError as error:  # of the driver's own writing: a disk that is full, as a rule
        reason = f"the search could not go on: {error}"
        with suppress(OSError):
            _stop_what_runs(directory, reason)
        print(f"{reason}; what was written before is whole, and with --resume it goes on", flush=True)
        return 1


def _end_without_ray(directory: StudyDirectory, trials: int) -> int:
    """What is left to do when Ray is gone: note and say what became of the trials. Returns the exit status."""
    interrupted = signal_heard() is not None
    _stop_what_runs(directory, "interrupted" if interrupted else ray_is_gone())
    print(f"{ray_is_gone()}; with --resume it goes on")
    _sum_up(directory, trials - len(directory.records()))
    return INTERRUPTED if interrupted else 1


def _stop_what_runs(directory: StudyDirectory, reason: str) -> None:
    for record in directory.records():
        if record.status == RUNNING:
            record.status, record.reason = STOPPED, reason
            record.write()


def _cut(config: Config) -> str:
    """Which images are left out of a data set, in words."""
    firsts = {"of train": config.data.train_images, "each of val and test": config.data.eval_images}
    kept = [f"{first:,} {split}" for split, first in firsts.items() if first is not None]
    return f"; of these the first {' and '.join(kept)}" if kept else ""


def _resources(study: Study, total: dict[str, float]) -> dict[str, float]:
    from ..search.schedule import resources_per_trial

    require_nodes(study)
    resources = resources_per_trial(study, total.get("GPU", 0))
    require_room(study, resources, "a trial")
    return resources


def _tell_missing(facts: DataProvenance) -> None:
    """Say of which names the embeddings know nothing: their vectors are random, and so are their neighbours."""
    missing = facts.get("embeddings_missing", [])
    if missing:
        shown = ", ".join(missing[:MISSING_SHOWN]) + (", ..." if len(missing) > MISSING_SHOWN else "")
        print(f"embeddings: {facts['embeddings']} has no vector for {len(missing)} names, which get random ones: "
              f"{shown}", flush=True)


def _paths_from(study: Study) -> str | None:
    """The folder that relative paths of trials start from; None: the one that they run in, which is this one."""
    return None if study.base.resources.address == "local" else str(Path.cwd())


def _prepare(study: Study, axes: list[Axis], entry_points: EntryPoints,
             total: dict[str, float]) -> tuple[DataProvenance, int]:
    """Make what trials share, so that none waits for another. Returns facts of the data, and the epochs of the longest
    trial."""
    from ..cluster.feature_tasks import extract, worth_sharing
    from ..search.schedule import resources_per_task

    prepare = find(entry_points.prepare)
    shared = [axis for axis in axes if axis.role.shared]
    if study.base.search.algorithm == "optuna":  # which values it will choose is not known, of a range not one
        points = combinations([axis for axis in shared if axis.values], MOST_OPENED)
    else:
        points = [{axis.key: values[axis.key] for axis in shared} for values in configurations(study, axes)]
    configs = _distinct([study.trial(point) for point in points])
    for config in configs:
        if worth_sharing(config, total):
            extract(config, resources_per_task(study, total.get("GPU", 0)))
    foundations = [prepare(config) for config in configs]
    lengths = [config.training.epochs for config in configs]
    lengths += [value for axis in axes if axis.key == "training.epochs" for value in axis.extremes()]
    return foundations[0].facts, max(lengths)


def _require_plugins(study: Study, axes: list[Axis], read: list[tuple[Config, DataSet]]) -> None:
    """Raise ConfigError where a plugin's part of a method cannot be built, of those that trials have, each on the data
    of its trial. read: the data that trials have, with a config that has them."""
    if not study.base.experiment.plugins:
        return
    from sgg.systems.construction import faults_of_plugins

    known = reference()
    choosing = [axis for axis in axes if isinstance(known.get(axis.key), Naming)]
    data_of = {config.data.model_dump_json(): data for config, data in read}
    configs = [study.trial(values) for values in combinations(choosing, MOST_OPENED)]
    found = [fault for config in configs if (data := data_of.get(config.data.model_dump_json())) is not None
             for fault in faults_of_plugins(config, data)]
    if found:
        raise ConfigError(study.source, list(dict.fromkeys(found)))


def _opened(study: Study, axes: list[Axis]) -> list[Config]:
    """Configs whose data and files are to be looked at, so that no trial fails for want of them."""
    opened = [axis for axis in axes if axis.role.tried]
    return _distinct([study.trial(values) for values in combinations(opened, MOST_OPENED)])


def _distinct(configs: list[Config]) -> list[Config]:
    return list({config.model_dump_json(): config for config in configs}.values())


def _run_trials(study: Study, axes: list[Axis], directory: StudyDirectory, resources: dict[str, float], epochs: int,
                resume: bool, interrupts: Interrupts) -> tuple[bool, int]:
    """Returns whether the search was interrupted, and the number of trials that it has begun."""
    from ray import tune
    from ray.tune import CheckpointConfig, ResumeConfig

    from ..callbacks.closing import Closing
    from ..callbacks.live_table import LiveTable
    from ..callbacks.snapshot_store import SnapshotStore
    from ..callbacks.snapshots import SnapshotCallback
    from ..callbacks.trackers import trackers
    from ..callbacks.trial_status import TrialStatusCallback
    from ..search.schedule import number_of_trials, param_space, scheduler, search_algorithm, trials_at_once
    from ..trial.trainable import Trial

    search = study.base.search
    count, at_once = number_of_trials(study, axes), trials_at_once(study, resources, nodes())
    kind = ResumeConfig.ResumeType  # which Ray's annotation takes for texts
    again = ResumeConfig(finished=kind.SKIP, unfinished=kind.RESUME, errored=kind.RESUME)  # type: ignore[arg-type]
    notes = SnapshotStore(directory.path / NOTES)
    resume = resume and notes.put_back(directory.path / RAY)  # one that was killed before its first trial begins anew
    taker, past = SnapshotCallback(notes, resume), _past(directory)
    print(f"{count} trial{'s' * (count > 1)}, {min(at_once, count)} at a time, each on "
          f"{' and '.join(f'{amount:g} {name}' for name, amount in resources.items())}; everything is written under "
          f"{directory.path}", flush=True)
    with interrupts.watched():
        handler = signal.getsignal(signal.SIGINT)
        try:
            closing = Closing()
            with closing.watching(), LiveTable(study.base, count, min(at_once, count), epochs) as table:
                for record, done in past if resume else ():
                    table.recall(record, done.results)
                analysis = tune.run(
                    Trial, name=RAY, storage_path=str(directory.path), num_samples=count,
                    config=param_space(study, axes, str(directory.path)),
                    search_alg=search_algorithm(study, axes, at_once),
                    scheduler=taker.before_trials_of(
                        scheduler(study, axes, epochs, {record.name: done for record, done in past})),
                    callbacks=[taker, TrialStatusCallback(directory, search.max_failures), table,
                               *trackers(study, directory), closing],
                    checkpoint_config=CheckpointConfig(checkpoint_at_end=False), max_failures=search.max_failures,
                    # A trial that is paused keeps its process, which then must not serve another.
                    reuse_actors=search.scheduler != "pbt", resume_config=again if resume else None,
                    raise_on_failed_trial=False, trial_dirname_creator=_trial_id, verbose=0)
            # Tune puts its own handler there, and takes it away again at the first Ctrl-C.
            return signal.getsignal(signal.SIGINT) is handler, len(analysis.trials)
        except KeyboardInterrupt:
            return True, len(directory.records())


def _past(directory: StudyDirectory) -> list[tuple[TrialRecord, Past]]:
    """The trials of before this search was taken up again, and what each had done."""
    from ..search.early_stopping import Past
    from ..search.judgements import NOT_YET, Judgements
    from ..trial.trainable import results_of

    study, _ = directory.study()
    judged = Judgements(directory.path / JUDGEMENTS).last()
    return [(record, Past(results_of(record, study.trial(record.values)), judged.get(record.name, NOT_YET),
                          record.stopped_early)) for record in directory.records()]


def _trial_id(trial: Any) -> str:
    return trial.trial_id


def _sum_up(directory: StudyDirectory, not_begun: int) -> int:
    """Print and write the results, and what became of the trials. Returns how many failed."""
    from ..results.files import write_results

    records = directory.records()
    counts = {status: sum(record.status == status for record in records) for status in (FINISHED, STOPPED, FAILED)}
    if records:
        print(write_results(directory.path), end="")
    for record in records:
        if record.status == FAILED:
            print(f"{record.name} failed: {record.reason}\n  {record.values}\n  {record.evidence}")
    counts["not begun"] = not_begun
    print(f"{', '.join(f'{count} {status}' for status, count in counts.items() if count > 0)}; results, logs and "
          f"checkpoints: {directory.path}")
    return counts[FAILED]
