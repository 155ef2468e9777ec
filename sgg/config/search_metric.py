"""The figure that a search compares trials by."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sgg.common.metric_names import SUBSETS, is_lower_better, metric_names


def fault_of_metric(metric: str, best: str, modes: Sequence[str], ks: Sequence[int]) -> str | None:
    """What is wrong with a metric; None where every epoch that is validated has it, so that trials can be compared.

    best: max or min. modes, ks: what is evaluated.
    """
    split, mode, subset, figure = [*metric.split("/"), *[""] * 3][:4]
    if metric == "loss" or (metric.count("/") == 3 and split == "val" and mode in modes and subset in SUBSETS and
                            figure in metric_names(mode, ks)):
        right = "min" if is_lower_better(metric) else "max"
        return None if best == right else (
            f"search.metric {metric} is the better the {'lower' if right == 'min' else 'higher'} it is: set "
            f"search.mode to {right}, or leave it out, got {best}")
    return (f"search.metric must be loss, or val/MODE/SUBSET/FIGURE with a MODE of evaluation.modes "
            f"({', '.join(modes)}), a SUBSET of {', '.join(SUBSETS)} and a FIGURE such as ngR@K or mR@K "
            f"with a K of evaluation.ks ({', '.join(map(str, ks))}), got {metric!r}; "
            f"{_instead(metric, modes, ks)}")


def _instead(metric: str, modes: Sequence[str], ks: Sequence[int]) -> str:
    """What could be ranked, in words: the measured figures whose names are nearest."""
    plain, separator, weight = metric.partition("/x")
    measured = [f"val/{mode}/{subset}/{figure}" for mode in modes for subset in SUBSETS
                for figure in metric_names(mode, ks)]
    nearest = difflib.get_close_matches(plain, measured, n=3, cutoff=0)
    words = f"measured are for example {', '.join(nearest)}"
    if not separator:
        return words
    return f"{words}; a trial counts with the best of evaluation.pred_weight, so leave out /x{weight}"
