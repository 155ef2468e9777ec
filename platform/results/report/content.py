"""The content of a report as plain JSON values: rows, trials, learning curves, importances.

Rows and trials are columns: a list for each of their properties. The recall of rows is packed (`columns.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sgg.common.metric_names import HARMONIC_MEANS, MEASURED_SUBSETS
from sgg.methods.variants import neutral

from ..adjusted import EVALUATION, configurations, is_adjusted
from ..aggregate import aggregate
from ..basis import by_basis
from ..collection import Collection, collect
from ..cost import cost
from ..differences import baseline_of, present
from ..headline import headlines_of
from ..history import CURVE_KS
from ..pooling import block_of
from ..result_row import ResultRow
from ..wording import MODES, RECALLS, short_names
from .bands import curves
from .columns import SCALE, packed, whole
from .header import facts, wall_time
from .importance import Effect, Group, are_numbers, effects, groups_of, share
from .pictures import pictures
from .predicates import predicate_recall
from .published import CONVENTIONS, METRIC, MODE, PUBLISHED, published_like, trained_otherwise

SPLITS = ("test", "val")
PLAIN = ("baseline", "off", 0, False, None)
"""Values of settings that add nothing to the model of [1]."""


def report_of(run_dirs: Iterable[Path | str]) -> dict[str, Any]:
    """The content of the report on some searches. Raises what `collect` raises."""
    folders = [str(path) for path in run_dirs]
    collection = collect(folders)
    return content(collection, aggregate(collection), folders)


def content(collection: Collection, rows: list[ResultRow], folders: Sequence[str],
            place: Path | None = None) -> dict[str, Any]:
    """The content of the report on collected trials. place: the folder in which the page will lie, so that it can name
    the folders of trials; None: unknown."""
    metrics = _metrics(rows)
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    swept = [key for key in keys if key.startswith(EVALUATION)]
    searched = [key for key in keys if key not in swept]
    groups = configurations(rows)
    trials_of = [[collection.trials[number] for number in group[0].trials] for group in groups]
    first = baseline(rows, collection.baselines)
    beside = [number for number, group in enumerate(groups) if group[0].basis == rows[first].basis]
    on_basis = by_basis(rows)
    splits = [split for split in SPLITS if any(name.startswith(f"{split}/") for row in rows for name in row.cells)]
    return {
        "title": ", ".join(Path(folder).resolve().name for folder in folders), "written": _now(),
        "facts": facts(collection, rows, folders), "wall": wall_time(collection.studies),
        "objective": collection.metric, "mode": collection.mode,
        "objectives": [name for name, _ in collection.objectives],
        "modes": {mode: MODES[mode] for mode in MODES if any(name.startswith(f"{mode}/") for name in metrics)},
        "subsets": [subset for subset in MEASURED_SUBSETS if any(f"/{subset}/" in name for name in metrics)],
        "recalls": [name for name in RECALLS if any(f"/{name}@" in metric for metric in metrics)],
        "ks": [k for k in CURVE_KS if any(name.endswith(f"@{k}") for name in metrics)],
        "splits": splits, "baseline": first,
        "headline": [headlines_of(group) for group in on_basis.values()],
        "metrics": metrics, "harmonic": HARMONIC_MEANS, "scale": SCALE,
        "bases": [str(basis) for basis in on_basis],
        "settings": [{"key": key, "name": name, "swept": key in swept,
                      "neutral": neutral(key.removeprefix(EVALUATION)) if key in swept else None}
                     for key, name in zip(keys, short_names(keys), strict=True)],
        "rows": _rows(rows, keys, groups) | _costs(rows, collection),
        "values": {split: _values(rows, split, metrics) for split in splits},
        "published": [{"name": row.name, "mode": MODE, "metric": METRIC, "recall": row.recall} for row in PUBLISHED],
        "conventions": CONVENTIONS,
        "trials": _trials(collection, rows, groups, None if place is None else place.resolve()),
        "curves": curves(trials_of),
        "importance": _importance(groups, beside, searched, metrics),
        "predicates": predicate_recall(trials_of), "pictures": pictures(collection),
    }


def baseline(rows: Sequence[ResultRow], named: Sequence[str] = ()) -> int:
    """The row that the others are compared to at first: the first of `named` that is here. Without one the row with
    most settings at the value that changes least (`baseline`, `off`, 0), and of several the one with the most seeds."""
    if here := present(rows, named):
        return next(place for place, row in enumerate(rows) if row is baseline_of(rows, here[0]))

    def plainness(place: int) -> tuple[int, int]:
        of_row = rows[place].settings
        return sum(not is_adjusted({key: value}) if key.startswith(EVALUATION) else value in PLAIN
                   for key, value in of_row.items()), rows[place].n

    return max(range(len(rows)), key=plainness, default=0)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _metrics(rows: Sequence[ResultRow]) -> list[str]:
    """The names without split of all measured metrics that the report can show."""
    measured = {name.partition("/")[2] for row in rows for name in row.cells}
    return [name for mode in MODES for subset in MEASURED_SUBSETS for recall in RECALLS for k in CURVE_KS
            if (name := f"{mode}/{subset}/{recall}@{k}") in measured]


def _rows(rows: Sequence[ResultRow], keys: Sequence[str],
          groups: Sequence[Sequence[ResultRow]]) -> dict[str, list[Any]]:
    number = {id(row): place for place, group in enumerate(groups) for row in group}
    plain = {id(group[0]) for group in groups}
    bases = {basis: place for place, basis in enumerate(by_basis(rows))}
    like = [published_like(row.identity, row.measuring) for row in rows]
    return {
        "configuration": [number[id(row)] for row in rows], "plain": [id(row) in plain for row in rows],
        "basis": [bases[row.basis] for row in rows], "status": [row.status for row in rows],
        "settings": [[_value(row.settings.get(key)) for key in keys] for row in rows], "n": [row.n for row in rows],
        "front": [bool(row.on_front) for row in rows], "best": [bool(row.best_adjusted) for row in rows],
        "published": [PUBLISHED.index(one) if one else None for one in like],
        "otherwise": [trained_otherwise(row.identity) if one else "" for row, one in zip(rows, like, strict=True)],
        "seeds": [[sample.seed for sample in row.samples] for row in rows],
        "blocks": [[sample.block for sample in row.samples] for row in rows]}


def _costs(rows: Sequence[ResultRow], collection: Collection) -> dict[str, list[Any]]:
    """The training cost of a trial of each row, and its unit."""
    costs = [cost([collection.trials[number] for number in row.trials]) for row in rows]
    return {"cost": [one and round(one.seconds, 1) for one in costs], "unit": [one and one.unit for one in costs]}


def _values(rows: Sequence[ResultRow], split: str, metrics: Sequence[str]) -> dict[str, str]:
    """Metric -> its column on a split: a value for each seed of the first row, then of the second, and so on. The page
    itself computes harmonic means, which would be a third of all values."""
    samples = [sample.metrics for row in rows for sample in row.samples]
    columns = {name: [values.get(f"{split}/{name}") for values in samples] for name in metrics}
    measured = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return {name: packed(column) for name, column in measured.items()
            if not (parts := _harmonic_parts(name)) or not measured.keys() >= parts}


def _harmonic_parts(name: str) -> set[str]:
    """The names of the two metrics of which `name` is the harmonic mean; empty for another one."""
    place, _, recall = name.rpartition("/")
    kind, _, k = recall.partition("@")
    return {f"{place}/{part}@{k}" for part in HARMONIC_MEANS.get(kind, ())}


def _trials(collection: Collection, rows: Sequence[ResultRow], groups: Sequence[Sequence[ResultRow]],
            place: Path | None) -> dict[str, list[Any]]:
    configuration = {trial: number for number, group in enumerate(groups) for row in group for trial in row.trials}
    trials = collection.trials
    blocks = collection.blocks if any(row.blocks for row in rows) else []
    keys = list(dict.fromkeys(key for trial in trials for key in trial.values))
    return {
        "keys": keys, "values": [[_value(trial.values.get(key)) for key in keys] for trial in trials],
        **{name: [getattr(trial, name) for trial in trials] for name in (
            "name", "run", "status", "reason", "seed", "planned", "tested")},
        "configuration": [configuration.get(number) for number in range(len(trials))],
        "block": [block_of(trial.values, blocks) for trial in trials],
        "address": [_address(trial.directory, place) for trial in trials],
        "epochs": [trial.epochs[-1] if trial.epochs else 0 for trial in trials],
        "seconds": [trial.seconds and round(trial.seconds, 1) for trial in trials]}


def _address(folder: Path | None, place: Path | None) -> str | None:
    """The folder of a trial as a relative link of a page in `place`; None where that is unknown, or does not hold it.
    Such a link stays right when the folder of the run is moved or sent as a whole."""
    if folder is None or place is None or not (inside := folder.resolve()).is_relative_to(place):
        return None
    return f"./{quote(inside.relative_to(place).as_posix())}/"


def _importance(configurations_of: Sequence[Sequence[ResultRow]], beside: Sequence[int], keys: Sequence[str],
                metrics: Sequence[str]) -> dict[str, Any]:
    """Per setting its groups, the configurations in each, and whether the groups are in the order of numbers; per split
    and metric the shares, and the effects as [mean, error, n]. beside: the configurations on the baseline's data."""
    of_configurations = [configurations_of[number] for number in beside]
    values = {key: [group[0].settings.get(key) for group in of_configurations] for key in keys}
    groups = {key: found for key in keys if len(found := groups_of(values[key])) > 1}
    return {"groups": {key: [group.label for group in found] for key, found in groups.items()},
            "members": {key: [[beside[place] for place in group.members] for group in found]
                        for key, found in groups.items()},
            "ordered": [key for key in groups if are_numbers(values[key])],
            "of": {split: {name: entry for name in metrics if (entry := _of_metric(
                of_configurations, groups, f"{split}/{name}"))} for split in SPLITS}}


def _of_metric(of_configurations: Sequence[Sequence[ResultRow]], groups: dict[str, list[Group]],
               metric: str) -> list[list[Any]]:
    measured = {place: cell.mean for place, group in enumerate(of_configurations)
                if (cell := group[0].cells.get(metric)) is not None and math.isfinite(cell.mean)}
    return [[_rounded(share(found, measured)), [_effect(effect) for effect in effects(found, measured)]]
            for found in groups.values()] if measured else []


def _effect(effect: Effect | None) -> list[int | None] | None:
    if effect is None:
        return None
    return [whole(effect.mean), whole(effect.error), effect.n]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _value(value: Any) -> Any:
    """A setting's value as JSON; lists and mappings as text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
