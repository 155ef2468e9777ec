"""Metrics under corruptions of the test images, beside those of clean ones (docs/METRICS.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from sgg.config.corruptions import CORRUPTIONS, SEVERITIES
from sgg.data.images.corruption import Corruption
from sgg.data.provenance import CorruptionProvenance
from sgg.evaluate.evaluation import Values

ALL = "all"
SHOWN = tuple((subset, kind) for subset in ("all", "zs") for kind in ("R", "ngR"))
"""The metrics that tables show, at one K."""


@dataclass
class Robustness:
    """Values under corruptions.

    clean: metric values of the clean images, as `evaluate` names them. corrupted: those of each corruption. provenance:
    of each corruption, in the same order.
    """

    clean: Values
    corrupted: dict[Corruption, Values] = field(default_factory=dict)
    provenance: list[CorruptionProvenance] = field(default_factory=list)

    def means(self) -> dict[str, dict[str, float]]:
        """The mean over severities of each corruption, and as `mean` that over corruptions, of every metric."""
        of_names = {name: [values for one, values in self.corrupted.items() if one.name == name]
                    for name in dict.fromkeys(one.name for one in self.corrupted)}
        found = {name: _mean(values) for name, values in of_names.items()}
        return {**found, "mean": _mean(list(found.values()))}

    def tables(self, modes: Iterable[str], k: int) -> list[Table]:
        """One table for each mode and metric of `SHOWN`, in per cent: a row is a corruption, a column a severity. The
        last row is the mean over corruptions, and what it is of the value of clean images."""
        severities = sorted({one.severity for one in self.corrupted})
        means, made = self.means(), []
        for mode, (subset, kind) in product(modes, SHOWN):
            metric = f"{mode}/{subset}/{kind}@{k}"
            if metric not in self.clean:
                continue
            clean, mean = self.clean[metric], means["mean"][metric]
            title = f"{metric} by severity, per cent"
            table = Table("corruption", *map(str, severities), "mean", title=title, min_width=len(title),
                          box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
            table.add_row("clean", *[""] * len(severities), _percent(clean), end_section=True)
            for name in (name for name in means if name != "mean"):
                cells = {one.severity: values[metric] for one, values in self.corrupted.items() if one.name == name}
                table.add_row(name, *(_percent(cells.get(severity, math.nan)) for severity in severities),
                              _percent(means[name][metric]), end_section=name == [*means][-2])
            table.add_row("mean", *[""] * len(severities), _percent(mean))
            table.add_row("of clean", *[""] * len(severities), _percent(mean / clean if clean else math.nan))
            made.append(table)
        return made

    def to_json(self, split: str) -> dict[str, Any]:
        """Everything, for a file; metrics are named `<split>/...`."""
        def named(values: Mapping[str, float]) -> dict[str, float]:
            return {f"{split}/{name}": value for name, value in values.items()}

        return {"figures": named(self.clean),
                "corruptions": [{"corruption": found, "figures": named(values)}
                                for found, values in zip(self.provenance, self.corrupted.values(), strict=True)],
                "means": {name: named(values) for name, values in self.means().items()}}


def named_corruptions(names: Sequence[str], severities: Sequence[int]) -> list[tuple[str, int]]:
    """Every corruption of `names`, of which `all` stands for every one, at every severity.

    Raises ValueError that names an unknown one.
    """
    chosen = list(CORRUPTIONS) if [*names] == [ALL] else list(names)
    if unknown := [name for name in chosen if name not in CORRUPTIONS]:
        raise ValueError(f"--corruption {unknown[0]}: must be {ALL}, off, or some of {', '.join(CORRUPTIONS)}")
    if wrong := [severity for severity in severities if severity not in SEVERITIES]:
        raise ValueError(f"--severity {wrong[0]}: must be some of {', '.join(map(str, SEVERITIES))}")
    return list(product(chosen, severities))


def _mean(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric that all of the values have."""
    names = [name for name in values[0] if all(name in one for one in values)] if values else []
    return {name: float(np.mean([one[name] for one in values])) for name in names}


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"
