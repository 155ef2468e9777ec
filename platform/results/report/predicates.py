"""Recall of each predicate for the report, over the trials of a configuration, from their predicates.json."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from ..history import TrialHistory
from .columns import packed


def predicate_recall(configurations: Sequence[Sequence[TrialHistory]]) -> dict[str, Any]:
    """What the page draws, of all configurations, each given by its trials.

    vocabularies: of each different data set the predicates, their numbers of relations in training and in the measured
    split, and their groups. metrics: `<mode>/<R or ngR>@<K>`. of: for each configuration null, or its vocabulary, split
    and number of trials, and columns with a value for each predicate under the first metric, then the second, and so
    on: mean and, of several trials, sd; and the same with the three groups in place of predicates.
    """
    chosen = [_comparable(trials) for trials in configurations]
    vocabularies: list[dict[str, Any]] = []
    metrics = list(dict.fromkeys(f"{mode}/{name}" for files in chosen for file in files
                                 for mode, of_mode in file["recall"].items() for name in of_mode))
    return {"metrics": metrics, "of": [_columns(files, metrics, vocabularies) for files in chosen],
            "vocabularies": vocabularies}


def _comparable(trials: Sequence[TrialHistory]) -> list[dict[str, Any]]:
    """The files of the trials with a test; if there are none, those of the last validation."""
    files = [trial.predicates for trial in trials if trial.predicates is not None]
    tested = [file for file in files if file["split"] == "test"]
    return [file for file in tested or files if _vocabulary(file) == _vocabulary((tested or files)[0])]


def _vocabulary(file: dict[str, Any]) -> dict[str, Any]:
    return {name: file[name] for name in ("split", "predicates", "training", "relations", "groups")}


def _columns(files: Sequence[dict[str, Any]], metrics: Sequence[str],
             vocabularies: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry of a configuration; a new vocabulary is appended to `vocabularies`."""
    if not files:
        return None
    vocabulary = _vocabulary(files[0])
    if vocabulary not in vocabularies:
        vocabularies.append(vocabulary)
    predicates, groups = ([_values(file, metrics, part, size) for file in files] for part, size in (
        ("recall", len(vocabulary["predicates"])), ("means", 3)))
    entry: dict[str, Any] = {"vocabulary": vocabularies.index(vocabulary), "n": len(files)}
    for name, lists in (("predicates", predicates), ("groups", groups)):
        places = [[value for value in place if value is not None] for place in zip(*lists, strict=True)]
        entry[name] = [packed(statistics.fmean(values) if values else None for values in places)]
        if len(files) > 1:
            entry[name].append(packed(statistics.stdev(values) if len(values) > 1 else None for values in places))
    return entry


def _values(file: dict[str, Any], metrics: Sequence[str], part: str, size: int) -> list[float | None]:
    """The values of a file for each metric, one after another. part: recall or means."""
    found: list[float | None] = []
    for metric in metrics:
        mode, _, name = metric.partition("/")
        values = file[part].get(mode, {}).get(name)
        found += [None] * size if values is None else list(values.values() if part == "means" else values)
    return found
