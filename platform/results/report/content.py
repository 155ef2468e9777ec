"""The content of a report as plain JSON values: rows, trials, learning curves, importances.

Recall is written as whole numbers of 1e-5, which keeps the file small; null where it was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sgg.common.metric_names import SUBSETS

from ..aggregate import EVALUATION, Collection, ResultRow, aggregate, collect
from ..headline import headline_of
from ..history import CURVE_KS
from ..wording import MODES, short_names
from .bands import Band, band
from .header import facts
from .importance import Effect, Group, effects, groups_of, share
from .published import METRIC, MODE, Published, published_like

RECALLS = ("R", "mR", "F1", "ngR", "ng-mR")
SPLITS = ("test", "val")
SCALE = 100_000
PLAIN = ("baseline", "off", 0, False, None)
"""Values of settings that add nothing to the model of [1]."""


def report_of(run_dirs: Iterable[Path | str]) -> dict[str, Any]:
    """The content of the report on some searches. Raises what `collect` raises."""
    folders = [str(path) for path in run_dirs]
    collection = collect(folders)
    return content(collection, aggregate(collection), folders)


def content(collection: Collection, rows: list[ResultRow], folders: Sequence[str]) -> dict[str, Any]:
    """The content of the report on collected trials."""
    metrics = _metrics(rows)
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    swept = [key for key in keys if key.startswith(EVALUATION)]
    searched = [key for key in keys if key not in swept]
    configurations = _configurations(rows, set(swept))
    splits = [split for split in SPLITS if any(name.startswith(f"{split}/") for row in rows for name in row.cells)]
    return {
        "title": ", ".join(Path(folder).resolve().name for folder in folders), "written": _now(),
        "facts": facts(collection, rows, folders), "objective": collection.metric, "mode": collection.mode,
        "modes": {mode: MODES[mode] for mode in MODES if any(name.startswith(f"{mode}/") for name in metrics)},
        "subsets": [subset for subset in SUBSETS if any(f"/{subset}/" in name for name in metrics)],
        "recalls": [name for name in RECALLS if any(f"/{name}@" in metric for metric in metrics)],
        "ks": [k for k in CURVE_KS if any(name.endswith(f"@{k}") for name in metrics)],
        "splits": splits, "baseline": baseline(rows),
        "headline": {mode: k for mode in MODES if splits and (k := headline_of(rows, mode, splits[0])) is not None},
        "metrics": metrics, "scale": SCALE,
        "bases": [str(basis) for basis in dict.fromkeys(row.basis for row in rows)],
        "settings": [{"key": key, "name": name, "swept": key in swept} for key, name in zip(
            keys, short_names(keys), strict=True)],
        "rows": _rows(rows, keys, metrics, configurations),
        "published": [{"name": row.name, "mode": MODE, "metric": METRIC, "recall": row.recall} for row in dict.fromkeys(
            _published(row) for row in rows) if row is not None] if rows else [],
        "trials": _trials(collection, rows, configurations),
        "curves": _curves(collection, configurations),
        "importance": _importance(configurations, searched, metrics),
    }


def baseline(rows: Sequence[ResultRow]) -> int:
    """The row that the others are compared to at first: the one with most settings at the value that changes least
    (`baseline`, `off`, 0), and of several the one with the most seeds."""
    def plainness(place: int) -> tuple[int, int]:
        return sum(value in PLAIN for value in rows[place].settings.values()), rows[place].n

    return max(range(len(rows)), key=plainness, default=0)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _metrics(rows: Sequence[ResultRow]) -> list[str]:
    """The names without split of all measured metrics that the report can show."""
    measured = {name.partition("/")[2] for row in rows for name in row.cells}
    return [name for mode in MODES for subset in SUBSETS for recall in RECALLS for k in CURVE_KS
            if (name := f"{mode}/{subset}/{recall}@{k}") in measured]


def _configurations(rows: Sequence[ResultRow], swept: set[str]) -> list[list[ResultRow]]:
    """The rows of each configuration, which differ in their adjustments alone."""
    groups: dict[Any, list[ResultRow]] = {}
    for row in rows:
        identity = {key: value for key, value in row.identity.items() if not key.startswith(EVALUATION)}
        groups.setdefault((repr(sorted(identity.items())), row.basis), []).append(row)
    for group in groups.values():  # the one without adjustments first
        group.sort(key=lambda row: [abs(float(row.settings.get(key) or 0)) for key in sorted(swept)])
    return list(groups.values())


def _published(row: ResultRow) -> Published | None:
    return published_like(row.basis.data, row.identity)


def _rows(rows: Sequence[ResultRow], keys: Sequence[str], metrics: Sequence[str],
          configurations: Sequence[Sequence[ResultRow]]) -> list[dict[str, Any]]:
    number = {id(row): place for place, group in enumerate(configurations) for row in group}
    plain = {id(group[0]) for group in configurations}
    bases = list(dict.fromkeys(row.basis for row in rows))
    found = []
    for row in rows:
        like = _published(row)
        found.append({
            "configuration": number[id(row)], "plain": id(row) in plain, "basis": bases.index(row.basis),
            "settings": [_value(row.settings.get(key)) for key in keys], "status": row.status, "n": row.n,
            "published": like.name if like else None,
            "samples": [{"seed": sample.seed, **{split: values for split in SPLITS if any(values := [
                _whole(sample.metrics.get(f"{split}/{name}")) for name in metrics])}} for sample in row.samples]})
    return found


def _trials(collection: Collection, rows: Sequence[ResultRow],
            configurations: Sequence[Sequence[ResultRow]]) -> list[dict[str, Any]]:
    configuration = {trial: place for place, group in enumerate(configurations) for row in group
                     for trial in row.trials}
    return [{"name": trial.name, "run": trial.run, "status": trial.status, "reason": trial.reason, "seed": trial.seed,
             "configuration": configuration.get(number), "values": {key: _value(value) for key, value in
                                                                    trial.values.items()},
             "epochs": trial.epochs[-1] if trial.epochs else 0, "planned": trial.planned,
             "seconds": trial.seconds and round(trial.seconds, 1), "tested": trial.tested}
            for number, trial in enumerate(collection.trials)]


def _curves(collection: Collection, configurations: Sequence[Sequence[ResultRow]]) -> dict[str, Any]:
    """Metric -> number of the configuration -> its band: epochs, mean, low, high, n."""
    curves: dict[str, Any] = {}
    for place, group in enumerate(configurations):
        trials = [collection.trials[number] for number in group[0].trials]
        for metric in sorted({name for trial in trials for name in trial.curves}):
            if (found := band(trials, metric)) is not None:
                curves.setdefault(metric.removeprefix("val/"), {})[place] = _band(found, metric == "loss")
    return curves


def _band(found: Band, is_loss: bool) -> list[list[Any]]:
    write = (lambda value: float(f"{value:.5g}") if math.isfinite(value) else None) if is_loss else _whole
    lines: list[list[Any]] = [found.epochs, [write(value) for value in found.mean]]
    if max(found.n) > 1:
        lines += [[write(value) for value in found.low], [write(value) for value in found.high]]
    return lines


def _importance(configurations: Sequence[Sequence[ResultRow]], keys: Sequence[str],
                metrics: Sequence[str]) -> dict[str, Any]:
    """Per setting its groups; per split and metric the shares, and the effects as [mean, error, n]."""
    groups = {key: found for key in keys if len(found := groups_of(
        [group[0].settings.get(key) for group in configurations])) > 1}
    return {"groups": {key: [group.label for group in found] for key, found in groups.items()},
            "of": {split: {name: entry for name in metrics if (entry := _of_metric(
                configurations, groups, f"{split}/{name}"))} for split in SPLITS}}


def _of_metric(configurations: Sequence[Sequence[ResultRow]], groups: dict[str, list[Group]],
               metric: str) -> list[list[Any]]:
    measured = {place: cell.mean for place, group in enumerate(configurations)
                if (cell := group[0].cells.get(metric)) is not None and math.isfinite(cell.mean)}
    return [[_rounded(share(found, measured)), [_effect(effect) for effect in effects(found, measured)]]
            for found in groups.values()] if measured else []


def _effect(effect: Effect | None) -> list[int | None] | None:
    if effect is None:
        return None
    return [_whole(effect.mean), None if effect.error is None else _whole(effect.error), effect.n]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _whole(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else round(SCALE * value)


def _value(value: Any) -> Any:
    """A setting's value as JSON; lists and mappings as text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
