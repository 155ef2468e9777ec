"""The metric that a search compares trials by."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sgg.common.metric_names import SUBSETS, is_lower_better, metric_names


def fault_of_metric(metric: str, best: str, modes: Sequence[str], ks: Sequence[int]) -> str | None:
    """The fault of a metric; None if every validation measures it.

    best: max or min. modes, ks: the evaluated modes and cut-offs.
    """
    split, mode, subset, name = [*metric.split("/"), *[""] * 3][:4]
    if metric == "loss" or (metric.count("/") == 3 and split == "val" and mode in modes and subset in SUBSETS and
                            name in metric_names(mode, ks)):
        right = "min" if is_lower_better(metric) else "max"
        return None if best == right else (
            f"search.metric {metric} is better if it is {'lower' if right == 'min' else 'higher'}: set search.mode to "
            f"{right}, or leave it out, got {best}")
    return (f"search.metric must be loss, or val/MODE/SUBSET/METRIC with a MODE of evaluation.modes "
            f"({', '.join(modes)}), a SUBSET of {', '.join(SUBSETS)} and a METRIC such as ngR@K or mR@K "
            f"with a K of evaluation.ks ({', '.join(map(str, ks))}), got {metric!r}; "
            f"{_similar(metric, modes, ks)}")


def _similar(metric: str, modes: Sequence[str], ks: Sequence[int]) -> str:
    """A sentence with the measured metrics whose names are most similar."""
    plain, separator, weight = metric.partition("/x")
    measured = [f"val/{mode}/{subset}/{name}" for mode in modes for subset in SUBSETS
                for name in metric_names(mode, ks)]
    nearest = difflib.get_close_matches(plain, measured, n=3, cutoff=0)
    words = f"measured metrics are for example {', '.join(nearest)}"
    if not separator:
        return words
    return f"{words}; a trial counts with its best value of evaluation.pred_weight, so leave out /x{weight}"
