"""Aggregates the trials on disk to one row per configuration: mean, deviation and n over seeds and data sets.

Metrics on different data or images, with other embeddings or other parts of a system stay apart, unless a search
repeats its configurations on several data sets (`pooling.py`).

This does not use pandas. Trials have different settings, of which some are lists or None: a data frame cannot group by
lists, and turns whole numbers beside missing ones into floats. Reading results needs no second for the import either.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

from ..study.trial_record import FAILED, FINISHED
from .adjusted import mark_best, several_values
from .cells import Cells
from .collection import Collection
from .outcome import Outcome
from .pareto import mark_front
from .pooling import in_order, pooled
from .result_row import ResultRow, Sample
from .shown_settings import shown_settings


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


def _without(settings: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


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
