"""Aggregates the trials on disk to one row per configuration: mean, deviation and n over seeds and data sets.

Metrics on different data or images, with other embeddings or other parts of a system stay apart, unless a search
repeats its configurations on several data sets (`pooling.py`).

This does not use pandas. Trials have different settings, of which some are lists or None: a data frame cannot group by
lists, and turns whole numbers beside missing ones into floats. Reading results needs no second for the import either.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sgg.common.metric_names import GENERATOR, QUALITY, SETTINGS_OF_PARTS
from sgg.common.run_log import CONFIG, ROWS, TEST, Row
from sgg.common.versions import PROGRAM, describe_program
from sgg.config.by_role import role_of
from sgg.config.loading.earlier import completed
from sgg.config.loading.named_rows import ROW
from sgg.config.search import Objective
from sgg.methods.variants import adjustments_in, values_by_variant, variants_of
from sgg.settings.keys import flatten

from ..study.directory import TRIALS, StudyDirectory
from ..study.study_file import STUDY, StudyFile
from ..study.trial_record import FAILED, FINISHED, TrialRecord
from .adjusted import EVALUATION, mark_best, several_values
from .basis import Basis, describe_data
from .begun_study import BegunStudy
from .cells import Cells
from .history import TrialHistory, is_shown
from .pareto import mark_front
from .pooling import in_order, pooled
from .shown_settings import shown_settings

SHARED = "shared"
"""The value of `augmentation.generator` for one that follows from settings and data, which tell it apart already."""
SEED_KEY, EPOCHS_KEY = "experiment.seed", "training.epochs"


@dataclass(frozen=True)
class Outcome:
    """The metrics of one trial under one variant of the adjustments. measuring: its settings that say what is measured,
    but for adjustments."""

    settings: dict[str, Any]
    measuring: dict[str, Any]
    seed: int | None
    status: str
    basis: Basis
    metrics: dict[str, float]
    program: str = ""
    """Version and commit that trained it; "" for a trial of an earlier version, which does not say."""
    trial: int = 0
    """The number of its trial in `Collection.trials`."""
    began: bool = True
    """Whether its trial says what its data are; else they are those of its study's first trial."""
    block: str = ""
    """Its data set, where results of several are pooled."""


@dataclass(frozen=True)
class Sample:
    """The metrics of one configuration, data set and seed. seed: None if the trial does not say it."""

    seed: int | None
    metrics: dict[str, float]
    block: str = ""


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
    measuring: dict[str, Any] = field(default_factory=dict)
    """Settings that say what is measured, but for adjustments. Those that matter are the same in all of its trials."""
    samples: list[Sample] = field(default_factory=list)
    """What the cells are the mean of."""
    blocks: list[str] = field(default_factory=list)
    """The data sets that it pools; empty where nothing is pooled."""
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
    baselines: list[str] = field(default_factory=list)
    """The rows that others are compared with, as `search.baseline` of the first study names them."""

    @property
    def blocks(self) -> list[str]:
        """The searched settings whose values are blocks."""
        return [key for key in self.searched if role_of(key).block]

    def blocks_of(self, keys: Sequence[str]) -> int:
        """How many data sets the values of these settings are, over all studies."""
        values = [{repr(value) for study in self.studies for value in study["axes"].get(key, {}).get("of", ())}
                  for key in keys]
        return math.prod(map(len, values)) if values else 0

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
        begun: BegunStudy | None = None
        if (path / STUDY).is_file():
            begun = BegunStudy.read(StudyDirectory(path))
            collection.studies.append(begun.metadata)
            collection.searched += [key for key in begun.searched if key not in collection.searched]
            if number == 0:
                collection.objectives, collection.baselines = begun.objectives, begun.baselines
        for record in records:
            collection.outcomes += _outcomes(record, begun, collection.trials)
    return collection


def aggregate(collection: Collection, by: list[str] | None = None) -> list[ResultRow]:
    """One row per configuration and variant of the adjustments, with the best first.

    by: dotted keys that distinguish configurations; by default all settings do, and a row shows the settings that were
    searched or that differ. Each value of an adjustment has a row of its own, since it is about the same trials. Failed
    trials count in the status but not in the metrics. Trials that were stopped early count when none finished. A search
    over data sets has one row for all of them, unless `by` names their setting. Raises ValueError for a key that no
    trial has.
    """
    blocks = [key for key in collection.blocks if key not in (by or ())]
    outcomes = [replace(outcome, settings=_without(outcome.settings, blocks), block=block, basis=basis)
                for outcome, block, basis in pooled(collection.outcomes, blocks)] if blocks else collection.outcomes
    if by is not None:
        by = [*by, *(key for key in several_values(outcome.settings for outcome in outcomes) if key not in by)]
    shown = shown_settings(outcomes, collection.searched) if by is None else by
    unknown = [key for key in shown if not any(key in outcome.settings for outcome in outcomes)]
    if unknown:
        raise ValueError(f"--by: no trial has the setting {', '.join(unknown)}; settings that differ here: "
                         f"{', '.join(shown_settings(outcomes, collection.searched)) or 'none'}")
    groups: dict[Any, list[Outcome]] = {}
    for outcome in outcomes:
        identity = outcome.settings if by is None else {key: outcome.settings.get(key) for key in by}
        groups.setdefault((repr(sorted(identity.items())), outcome.basis), []).append(outcome)
    rows = [_row(group, shown, collection.blocks_of(blocks)) for group in groups.values()]
    mark_front(rows, collection.objectives)
    mark_best(rows, collection.objectives)
    sign = -1 if collection.mode == "max" else 1
    return sorted(rows, key=lambda row: (row.basis, collection.metric not in row.cells,
                                         sign * row.cells[collection.metric].mean
                                         if collection.metric in row.cells else 0))


def records_of(path: Path) -> list[TrialRecord]:
    """The trials of a study, of the folder of one trial, or of a folder of trials."""
    study = StudyDirectory(path).records()
    if study or not path.is_dir():
        return study
    folders = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name != TRIALS)]
    return [TrialRecord.read(folder) for folder in folders if (folder / CONFIG).is_file()]


def _outcomes(record: TrialRecord, begun: BegunStudy | None, trials: list[TrialHistory]) -> list[Outcome]:
    """The outcomes of a trial, whose history is appended to `trials`."""
    began = record.config()
    written = began or (begun.of_trial(record.values) if begun is not None else {"config": {}, "data": {}})
    flat = completed(flatten(written["config"]))
    seed = flat.get(SEED_KEY)
    roles = {key: role_of(key) for key in flat}
    identity = {key: value for key, value in flat.items() if roles[key].identity}
    identity = ({ROW: record.values[ROW]} if ROW in record.values else {}) | identity
    rows, validated = record.columns(is_shown)
    metrics = _metrics(validated, "val/", record.directory / ROWS)
    measured: Row = next((row for row in reversed(rows) if any(name.startswith(QUALITY) for name in row)), {})
    metrics |= _metrics(measured, QUALITY, record.directory / ROWS)
    seed = seed[0] if isinstance(seed, list) else seed
    test = record.test()
    trials.append(TrialHistory.of(record, rows, bool(test), seed, flat.get(EPOCHS_KEY), began))
    metrics |= _metrics(test, "", record.directory / TEST)
    adjusted = adjustments_in(metrics)  # only the names of metrics show those of a plugin
    variants = variants_of({key.removeprefix(EVALUATION): value for key, value in flat.items()
                            if key.startswith(EVALUATION)}, adjusted)
    identity = {key: value for key, value in identity.items() if key.removeprefix(EVALUATION) not in adjusted}
    measuring = {key: value for key, value in flat.items()
                 if roles[key].acts == "measuring" and not roles[key].swept}
    key, generator = SETTINGS_OF_PARTS[GENERATOR], written["data"].get(GENERATOR)
    if generator and identity.get(key) != SHARED:  # at the same path there may be another one meanwhile
        identity[key] = describe_data(str(identity.get(key)), generator)
    basis, program = Basis.of(written["data"]), describe_program(written.get(PROGRAM, {}))
    return [Outcome(identity | {EVALUATION + name: value for name, value in variant.items()}, measuring,
                    seed, record.status, basis, values, program, len(trials) - 1, began is not None)
            for variant, values in zip(variants, values_by_variant(metrics, variants), strict=True)]


def _without(settings: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def _metrics(row: Row, prefix: str, source: Path) -> dict[str, float]:
    """The measured metrics of a row. Raises ValueError naming the file and a metric that is no number."""
    metrics = {name: value for name, value in row.items() if value is not None and name.startswith(prefix)}
    if not {*map(type, metrics.values())} <= {int, float}:
        name, value = next((name, value) for name, value in metrics.items() if type(value) not in (int, float))
        raise ValueError(f"{source}: {name} must be a number, got {value!r}")
    return metrics


def _row(group: list[Outcome], shown: list[str], searched: int) -> ResultRow:
    """searched: the number of data sets that the studies search."""
    statuses = [outcome.status for outcome in group]
    counted = [outcome for outcome in group if outcome.status == FINISHED] or \
              [outcome for outcome in group if outcome.status != FAILED]
    samples, basis, blocks = _samples(counted), group[0].basis, in_order(outcome.block for outcome in counted)
    wanted = max(searched, len(basis.sets)) if blocks else 0
    lacking = f", {len(blocks)} of {wanted} data sets" if len(blocks) < wanted else ""
    return ResultRow({key: group[0].settings.get(key) for key in shown}, basis,
                     sorted({outcome.seed for outcome in counted}, key=repr), _status(statuses) + lacking,
                     Cells([sample.metrics for sample in samples]),
                     sorted({outcome.program for outcome in counted} - {""}), group[0].settings, group[0].measuring,
                     samples, blocks, sorted({outcome.trial for outcome in group}))


def _samples(outcomes: list[Outcome]) -> list[Sample]:
    """Metrics per configuration, data set and seed. Trials with the same ones, such as members of a population that
    copied each other, count as one sample, which is their mean: they do not show the effect of the seed."""
    groups: dict[Any, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        seed = outcome.seed if outcome.seed is not None else f"unknown {number}"
        groups.setdefault((repr(sorted(outcome.settings.items())), outcome.block, seed), []).append(outcome)
    return [Sample(group[0].seed, _means([outcome.metrics for outcome in group]), group[0].block)
            for group in groups.values()]


def _means(of: list[dict[str, float]]) -> dict[str, float]:
    if len(of) == 1:
        return of[0]
    return {name: statistics.fmean(metrics[name] for metrics in of if name in metrics)
            for name in dict.fromkeys(name for metrics in of for name in metrics)}


def _status(statuses: list[str]) -> str:
    kinds = list(dict.fromkeys(statuses))
    return kinds[0] if len(kinds) == 1 else ", ".join(f"{statuses.count(kind)} {kind}" for kind in kinds)
