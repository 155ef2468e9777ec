"""Aggregates the trials on disk to one row per configuration: mean, deviation and n over seeds.

Metrics on different data or images, with other embeddings or other parts of a system stay apart.

This does not use pandas. Trials have different settings, of which some are lists or None: a data frame cannot group by
lists, and turns whole numbers beside missing ones into floats. Reading results needs no second for the import either.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgg.common.run_log import CONFIG, ROWS, TEST, Row
from sgg.common.versions import PROGRAM, describe_program
from sgg.config.by_role import reference, role_of
from sgg.config.loading.searched_entries import current_key, current_settings, current_values
from sgg.config.search import Objective, objectives
from sgg.methods.variants import adjustments_in, values_by_variant, variants_of
from sgg.settings.keys import find, flatten

from ..study.directory import FAILED, FINISHED, TRIALS, StudyDirectory, TrialRecord
from ..study.study_file import STUDY, StudyFile
from .adjusted import EVALUATION, mark_best, several_values
from .basis import Basis
from .cells import Cells
from .history import TrialHistory, is_shown
from .pareto import mark_front

SEED_KEY, EPOCHS_KEY = "experiment.seed", "training.epochs"


@dataclass(frozen=True)
class Outcome:
    """The metrics of one trial under one variant of the adjustments."""

    settings: dict[str, Any]
    seed: int | None
    status: str
    basis: Basis
    metrics: dict[str, float]
    program: str = ""
    """Version and commit that trained it; "" for a trial of an earlier version, which does not say."""
    trial: int = 0
    """The number of its trial in `Collection.trials`."""


@dataclass(frozen=True)
class Sample:
    """The metrics of one configuration and seed. seed: None if the trial does not say it."""

    seed: int | None
    metrics: dict[str, float]


@dataclass
class ResultRow:
    """One configuration, measured on one basis."""

    settings: dict[str, Any]
    basis: Basis
    seeds: list[int | None] = field(default_factory=list)
    status: str = ""
    cells: Cells = field(default_factory=Cells)
    programs: list[str] = field(default_factory=list)
    """Versions and commits of the trials behind its metrics. Trials of different ones share a row."""
    identity: dict[str, Any] = field(default_factory=dict)
    """All settings that tell configurations apart, of which `settings` shows some."""
    samples: list[Sample] = field(default_factory=list)
    """What the cells are the mean of."""
    trials: list[int] = field(default_factory=list)
    """The numbers of all its trials in `Collection.trials`, also of those that its metrics leave out."""
    on_front: bool | None = None
    """Whether it is on the Pareto front of two searched metrics; None where one metric was searched."""
    best_adjusted: bool | None = None
    """Whether its adjustments are the best of its configuration in validation; None where nothing tells."""

    @property
    def n(self) -> int:
        """How many trials are behind its metrics; those of one configuration and seed count once."""
        return self.cells.n


@dataclass
class Collection:
    """All outcomes of some studies. searched: the keys that any study searched. objectives: the searched metrics of the
    first, with their modes. trials: one for each trial. studies: study.json of each study that has one."""

    outcomes: list[Outcome] = field(default_factory=list)
    trials: list[TrialHistory] = field(default_factory=list)
    studies: list[StudyFile] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    objectives: list[Objective] = field(default_factory=lambda: [("val/sgcls/zs/ngR@100", "max")])

    @property
    def metric(self) -> str:
        """The first searched metric, which ranks rows."""
        return self.objectives[0][0]

    @property
    def mode(self) -> str:
        """Whether a larger (max) or a smaller value of it is better."""
        return self.objectives[0][1]


def collect(run_dirs: Iterable[Path | str]) -> Collection:
    """Read every trial of the studies in `run_dirs`. The folder of a trial, or of several trials, serves too.

    Raises FileNotFoundError when a folder has no trial, and ValueError naming a damaged file.
    """
    collection = Collection()
    for number, path in enumerate(map(Path, run_dirs)):
        records = records_of(path)
        if not records:
            raise FileNotFoundError(f"{path} holds no trials: name the folder <output>/<name> of a search or run")
        metadata: StudyFile | None = None
        if (path / STUDY).is_file():
            metadata, searched = _metadata(StudyDirectory(path))
            collection.studies.append(metadata)
            collection.searched += [key for key in map(current_key, metadata["axes"]) if key not in collection.searched]
            if number == 0:
                collection.objectives = searched
        for record in records:
            collection.outcomes += _outcomes(record, metadata, collection.trials)
    return collection


def aggregate(collection: Collection, by: list[str] | None = None) -> list[ResultRow]:
    """One row per configuration and variant of the adjustments, with the best first.

    by: dotted keys that distinguish configurations; by default all settings do, and a row shows the settings that were
    searched or that differ. Each value of an adjustment has a row of its own, since it is about the same trials. Failed
    trials count in the status but not in the metrics. Trials that were stopped early count when none finished.
    Raises ValueError for a key that no trial has.
    """
    outcomes = collection.outcomes
    if by is not None:
        by = [*by, *(key for key in several_values(outcome.settings for outcome in outcomes) if key not in by)]
    shown = _shown(collection) if by is None else by
    unknown = [key for key in shown if not any(key in outcome.settings for outcome in outcomes)]
    if unknown:
        raise ValueError(f"--by: no trial has the setting {', '.join(unknown)}; settings that differ here: "
                         f"{', '.join(_shown(collection)) or 'none'}")
    groups: dict[Any, list[Outcome]] = {}
    for outcome in outcomes:
        identity = outcome.settings if by is None else {key: outcome.settings.get(key) for key in by}
        groups.setdefault((repr(sorted(identity.items())), outcome.basis), []).append(outcome)
    rows = [_row(group, shown) for group in groups.values()]
    mark_front(rows, collection.objectives)
    mark_best(rows, collection.objectives)
    sign = -1 if collection.mode == "max" else 1
    return sorted(rows, key=lambda row: (row.basis, collection.metric not in row.cells,
                                         sign * row.cells[collection.metric].mean
                                         if collection.metric in row.cells else 0))


def _metadata(directory: StudyDirectory) -> tuple[StudyFile, list[Objective]]:
    """The content of study.json, and the metrics that compare trials. This checks the settings, unless the
    study has plugins: showing results must not run code of a plugin."""
    metadata = directory.metadata()
    if find(metadata["settings"], "experiment.plugins"):
        search = metadata["settings"]["search"]
        return metadata, objectives(search["metric"], search["mode"])
    study, _ = directory.study()
    return metadata, study.base.search.objectives


def records_of(path: Path) -> list[TrialRecord]:
    """The trials of a study, of the folder of one trial, or of a folder of trials."""
    study = StudyDirectory(path).records()
    if study or not path.is_dir():
        return study
    folders = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name != TRIALS)]
    return [TrialRecord.read(folder) for folder in folders if (folder / CONFIG).is_file()]


def _outcomes(record: TrialRecord, metadata: StudyFile | None, trials: list[TrialHistory]) -> list[Outcome]:
    """The outcomes of a trial, whose history is appended to `trials`."""
    began = record.config()
    written = began or _of_study(metadata)
    flat, values = current_settings(flatten(written["config"])), current_values(record.values)
    # A search over entries of a registry gives each trial values for all entries. Those of its own entry count.
    flat |= {key: value for key, value in values.items() if key in flat or began is None}
    seed = flat.get(SEED_KEY)
    identity = {key: value for key, value in flat.items() if role_of(key).identity}
    rows, validated = record.columns(is_shown)
    metrics = _metrics(validated, "val/", record.directory / ROWS)
    seed = seed[0] if isinstance(seed, list) else seed
    test = record.test()
    trials.append(TrialHistory.of(record, rows, bool(test), seed, flat.get(EPOCHS_KEY), began))
    metrics |= _metrics(test, "", record.directory / TEST)
    adjusted = adjustments_in(metrics)  # only the names of metrics show those of a plugin
    variants = variants_of({key.removeprefix(EVALUATION): value for key, value in flat.items()
                            if key.startswith(EVALUATION)}, adjusted)
    identity = {key: value for key, value in identity.items() if key.removeprefix(EVALUATION) not in adjusted}
    basis, program = Basis.of(written["data"]), describe_program(written.get(PROGRAM, {}))
    return [Outcome(identity | {EVALUATION + name: value for name, value in variant.items()},
                    seed, record.status, basis, values, program, len(trials) - 1)
            for variant, values in zip(variants, values_by_variant(metrics, variants), strict=True)]


def _of_study(metadata: StudyFile | None) -> dict[str, Any]:
    """What stands for the config.json of a trial that never began."""
    if metadata is None:
        return {"config": {}, "data": {}}
    return {"config": metadata.get("resolved", metadata["settings"]), "data": metadata["data"]}


def _metrics(row: Row, prefix: str, source: Path) -> dict[str, float]:
    """The measured metrics of a row. Raises ValueError naming the file and a metric that is no number."""
    metrics = {name: value for name, value in row.items() if value is not None and name.startswith(prefix)}
    if not {*map(type, metrics.values())} <= {int, float}:
        name, value = next((name, value) for name, value in metrics.items() if type(value) not in (int, float))
        raise ValueError(f"{source}: {name} must be a number, got {value!r}")
    return metrics


def _shown(collection: Collection) -> list[str]:
    """The searched keys, and then other keys that differ between trials."""
    keys = [key for key in collection.searched if not role_of(key).swept]
    for key in dict.fromkeys(key for outcome in collection.outcomes for key in outcome.settings):
        # Settings of one entry of a registry distinguish no trials that the entry's name does not.
        of_entry = (setting := reference().get(key)) is not None and bool(setting.chosen)
        values = {repr(outcome.settings.get(key)) for outcome in collection.outcomes
                  if key in outcome.settings or not of_entry}
        if key not in keys and len(values) > 1:
            keys.append(key)
    return [key for key in keys if any(key in outcome.settings for outcome in collection.outcomes)]


def _row(group: list[Outcome], shown: list[str]) -> ResultRow:
    statuses = [outcome.status for outcome in group]
    counted = [outcome for outcome in group if outcome.status == FINISHED] or \
              [outcome for outcome in group if outcome.status != FAILED]
    samples = _samples(counted)
    return ResultRow({key: group[0].settings.get(key) for key in shown}, group[0].basis,
                     sorted({outcome.seed for outcome in counted}, key=repr), _status(statuses),
                     Cells([sample.metrics for sample in samples]),
                     sorted({outcome.program for outcome in counted} - {""}), group[0].settings, samples,
                     sorted({outcome.trial for outcome in group}))


def _samples(outcomes: list[Outcome]) -> list[Sample]:
    """Metrics per configuration and seed. Trials with the same ones, such as members of a population that copied each
    other, count as one sample, which is their mean: they do not show the effect of the seed."""
    groups: dict[Any, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        seed = outcome.seed if outcome.seed is not None else f"unknown {number}"
        groups.setdefault((repr(sorted(outcome.settings.items())), seed), []).append(outcome)
    return [Sample(group[0].seed, _means([outcome.metrics for outcome in group])) for group in groups.values()]


def _means(of: list[dict[str, float]]) -> dict[str, float]:
    if len(of) == 1:
        return of[0]
    return {name: statistics.fmean(metrics[name] for metrics in of if name in metrics)
            for name in dict.fromkeys(name for metrics in of for name in metrics)}


def _status(statuses: list[str]) -> str:
    kinds = list(dict.fromkeys(statuses))
    return kinds[0] if len(kinds) == 1 else ", ".join(f"{statuses.count(kind)} {kind}" for kind in kinds)
