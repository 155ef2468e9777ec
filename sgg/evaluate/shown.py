"""What the command prints of metrics, and the file of all of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sgg.common.atomic import write_json
from sgg.common.command_line import table_console
from sgg.common.metric_names import headline_k
from sgg.common.versions import code_provenance
from sgg.data.images.corruption import Corruption
from sgg.data.zero_shot_list import describe_list
from sgg.evaluate.evaluation import unadjusted
from sgg.evaluate.measured import Measured, measured
from sgg.evaluate.predicate_recall import PredicateRecall
from sgg.evaluate.robustness import Robustness
from sgg.evaluate.tables import predicate_tables, tables
from sgg.metrics import Conventions

if TYPE_CHECKING:  # saved predictions are scored without torch
    from sgg.evaluate.restore import Restored


def show(options: argparse.Namespace, result: Measured) -> None:
    """Print tables, and write the file of all metrics where the command asks for it."""
    console, protocol = table_console(), result.protocol
    console.print(_described(result))
    found = tables(result.values, result.modes, result.variants, headline_k(result.ks),
                   describe_list(_data(result).get("zero_shot_list")))
    if options.per_predicate:
        found += predicate_tables(result.metrics, result.modes, result.variants, protocol.predicates,
                                  headline_k(result.ks))
    for table in found:
        console.print(table)
    if options.json:
        named = {f"{protocol.split}/{name}": value for name, value in result.values.items()}
        _write(options, result, console, {"data": _data(result), "figures": named, **_per_predicate(options, result)})


def show_robustness(options: argparse.Namespace, found: Restored, corruptions: Sequence[Corruption]) -> None:
    """Measure the clean images, then each corruption of them; print and write both."""
    console, clean = table_console(), measured(options, found)
    split = clean.protocol.split
    console.print(_described(clean))
    robust = Robustness(clean.values)
    for number, corruption in enumerate(corruptions, start=1):
        print(f"{number} of {len(corruptions)}: {corruption}", file=sys.stderr, flush=True)
        result = measured(options, found, corruption)
        robust.corrupted[corruption] = result.values
        robust.provenance.append(result.protocol.source["data"]["corruption"])
    for table in robust.tables(clean.modes, headline_k(clean.ks)):
        console.print(table)
    if options.json:
        _write(options, clean, console, {"data": _data(clean), **robust.to_json(split)})


def _data(result: Measured) -> dict[str, Any]:
    """The provenance of the data, with the list that was measured. That of saved predictions may name the list and the
    convention of an earlier evaluation; which conventions hold is said beside the data."""
    data: dict[str, Any] = {**result.protocol.source["data"]}
    for name in ("zero_shot_list", "relation_nms"):
        data.pop(name, None)
    if result.listed is not None:
        data["zero_shot_list"] = result.listed.provenance(result.protocol.train_triplets)
    return data


def _described(result: Measured) -> str:
    """What was measured, and by which convention that no table of others has."""
    protocol = result.protocol
    suppressed = ", after relation NMS" if result.conventions["relation_nms"] else ""
    return f"{protocol.split}: {protocol.source['data']['description']}{suppressed}"


def _write(options: argparse.Namespace, result: Measured, console: Console, content: Mapping[str, Any]) -> None:
    """Write the file of all metrics, with where they come from. content: what is measured, and of which data."""
    protocol, conventions = result.protocol, asdict(Conventions(**result.conventions))
    write_json(options.json, {"part": protocol.split, **protocol.source, "data": content["data"],
                              "conventions": conventions, **code_provenance(), **content})
    console.print(f"all metrics: {options.json}")


def _per_predicate(options: argparse.Namespace, result: Measured) -> dict[str, Any]:
    """What the file of all metrics has beside them with --per-predicate, without adjustments."""
    if not options.per_predicate:
        return {}
    return {"per_predicate": PredicateRecall.of(unadjusted(result.metrics), result.protocol.predicates).to_json()}
