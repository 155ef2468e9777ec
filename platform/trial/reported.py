"""What a trial reports to Tune of an epoch: the values that a search decides by and shows. The whole row is on disk.

Tune keeps statistics of every number of every trial for as long as a search runs, some kilobytes each; the row of an
epoch has ten thousand numbers where several adjustments are measured.
"""

from __future__ import annotations

from sgg.common.run_log import Row
from sgg.config import Config
from sgg.methods.variants import suffix, variants_of

MEASURED = "val/"


def reported(row: Row, config: Config) -> Row:
    """The values of a row that are not of validation, and of those the searched metrics, under every adjustment, and
    the metrics that the live table shows."""
    searched = [metric for metric, _ in config.search.objectives]
    suffixes = {"", *map(suffix, variants_of(dict(config.evaluation)))}
    kept = {*headline_metrics(searched[0]), *(metric + end for metric in searched for end in suffixes)}
    return {name: value for name, value in row.items() if not name.startswith(MEASURED) or name in kept}


def headline_metrics(metric: str) -> tuple[str, str]:
    """The names of the zero-shot and the all-shot metric that belong to a searched metric."""
    parts = metric.split("/")
    if len(parts) != 4:
        return "val/sgcls/zs/ngR@100", "val/sgcls/all/ngR@100"
    return "/".join(["val", parts[1], "zs", parts[3]]), "/".join(["val", parts[1], "all", parts[3]])
