"""Tables of metric values for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Column, Table
from rich.text import Text

from sgg.common.command_line import PIPE_COLUMNS
from sgg.common.metric_names import MEASURED_SUBSETS, PREDICATE_GROUPS, RECALLS
from sgg.evaluate.evaluation import FAILURES, FALLBACKS, Values
from sgg.evaluate.predicate_recall import PredicateRecall, order_of
from sgg.methods.adjustment import BY_METRICS, text_of
from sgg.methods.variants import Variant, suffix, weight_of
from sgg.metrics import SceneGraphMetrics

LETTERS = (6, 5, 4)
"""The least letters in a line of a heading that folds: the first one with which the table fits."""
SIDE_BY_SIDE = 2
"""Variants in one table of predicates: with more, its columns are too narrow for a terminal of 100 columns."""


def tables(named: Values, modes: Iterable[str], variants: Iterable[Variant], k: int,
           listed: str = "") -> list[Table]:
    """One table for each mode, in per cent, at one K. A row is a subset under a variant of the adjustments.

    named: metric values as `evaluate` names them. listed: the list of `zs-list` in words, for the caption. A dash says
    that the subset has no relation. The caption of the SGDet table gives the numbers of fallbacks and failures.
    """
    made, variants = [], list(variants)
    shown = [name for name in variants[0] if name == BY_METRICS or len({one[name] for one in variants}) > 1]
    heads = ["weight" if name == BY_METRICS else name for name in shown]
    for mode in modes:
        columns = [name for name in RECALLS if f"{mode}/all/{name}@{k}" in named]
        subsets = [subset for subset in MEASURED_SUBSETS if f"{mode}/{subset}/num_relations" in named]
        captions = [f"zs-list: {listed}"] if listed else []
        captions += [_thresholds_in_words(named)] if mode == "sgdet" and FAILURES in named else []
        rows: list[list[str]] = []
        for variant in variants:
            for subset in subsets:
                prefix, ending = f"{mode}/{subset}", suffix(variant)
                values = [named[f"{prefix}/{name}@{k}{ending}"] for name in columns]
                counts = [f"{named[f'{prefix}/num_{what}']:,}" for what in ("images", "relations", "triplets")]
                cells = ["-" if math.isnan(value) else f"{100 * value:.2f}" for value in values]
                rows.append([*(text_of(variant[name]) for name in shown), subset, *counts, *cells])
        table = Table(*_columns([*heads, "subset", "images", "relations", "triplets", *columns], rows),
                      title=f"{mode}, K = {k}, per cent",
                      caption=Text("\n".join(captions)) if captions else None, caption_justify="left",
                      box=box.SIMPLE_HEAD, padding=(0, 0), show_edge=False)
        for number, row in enumerate(rows, start=1):
            table.add_row(*row, end_section=number % len(subsets) == 0)
        made.append(table)
    return made


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Columns that are never narrower than what stands in them: if they take more than a terminal of `PIPE_COLUMNS`,
    headings fold, and no more than is needed."""
    heads = [head.replace("_", "\n") for head in heads]
    cells = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else [0] * len(heads)
    whole = [max(cell, *map(len, head.split("\n"))) for head, cell in zip(heads, cells, strict=True)]
    folded = [[max(cell, min(least, width)) for cell, width in zip(cells, whole, strict=True)] for least in LETTERS]
    widths = next((of for of in (whole, *folded) if sum(of) + len(of) <= PIPE_COLUMNS), folded[-1])
    words = heads.index("subset") + 1  # numbers follow
    return [Column(head, overflow="fold", justify="left" if place < words else "right", width=width)
            for place, (head, width) in enumerate(zip(heads, widths, strict=True))]


def predicate_tables(metrics: Mapping[str, SceneGraphMetrics], modes: Iterable[str], variants: Iterable[Variant],
                     predicates: Sequence[str], k: int) -> list[Table]:
    """The recall of each predicate, in per cent, and the means of head, body and tail: for each mode a table of
    `SIDE_BY_SIDE` variants, and more of them where there are more.

    metrics: of counted images, as in `evaluate`. predicates: names, background first. The most frequent predicate of
    training comes first. A dash says that a predicate has no relation.
    """
    variants = list(variants)
    return [_predicate_table(metrics, mode, variants[start:start + SIDE_BY_SIDE], predicates, k)
            for mode in modes for start in range(0, len(variants), SIDE_BY_SIDE)]


def _predicate_table(metrics: Mapping[str, SceneGraphMetrics], mode: str, variants: Sequence[Variant],
                     predicates: Sequence[str], k: int) -> Table:
    found = {suffix(variant): PredicateRecall.of(
        {mode: metrics[mode + suffix({**variant, BY_METRICS: 0.0})]}, predicates, weight_of(variant), [k])
        for variant in variants}
    first = next(iter(found.values()))
    heads = [Column(f"{kind}@{k}{ending}", overflow="fold") for ending in found for kind in ("R", "ngR")]
    lists = [of_variant.recall[mode][f"{kind}@{k}"] for of_variant in found.values() for kind in ("R", "ngR")]
    means = [of_variant.means[mode][f"{kind}@{k}"] for of_variant in found.values() for kind in ("R", "ngR")]
    table = Table("predicate", "group", "in training", "relations", *heads, title=f"{mode}, per predicate, per cent",
                  box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place in order_of(first.training):
        table.add_row(Text(first.predicates[place]), first.groups[place], f"{first.training[place]:,}",
                      f"{first.relations[place]:,}", *(_percent(values[place]) for values in lists))
    table.add_section()
    for group in PREDICATE_GROUPS:
        inside = [place for place, name in enumerate(first.groups) if name == group]
        table.add_row(f"mean of {len(inside)}", group, f"{sum(first.training[place] for place in inside):,}",
                      f"{sum(first.relations[place] for place in inside):,}", *(_percent(of[group]) for of in means))
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _thresholds_in_words(named: Values) -> str:
    fallbacks = "unknown, this file does not hold it"
    if FALLBACKS in named:
        fallbacks = f"{named[FALLBACKS]:,} images with a lowered score threshold"
    return (f"fallbacks: {fallbacks}\nfailures: {named[FAILURES]:,} images in which no two boxes overlap at any "
            "threshold; the metrics leave them out; with --clean each counts as a recall of 0")
