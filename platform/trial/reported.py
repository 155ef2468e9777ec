"""What a trial reports to Tune of an epoch: the values that a search decides by and shows. The whole row is on disk.

Tune keeps statistics of every number of every trial for as long as a search runs, some kilobytes each; the row of an
epoch has ten thousand numbers where several adjustments are measured.
"""

from __future__ import annotations

from sgg.common.metric_names import headline_k
from sgg.common.run_log import Row
from sgg.config import Config
from sgg.methods.variants import suffix, variants_of

MEASURED = "val/"


def reported(row: Row, config: Config) -> Row:
    """The values of a row that are not of validation, and of those the searched metrics, under every adjustment, and
    the metrics that the live table shows."""
    searched = [metric for metric, _ in config.search.objectives]
    suffixes = {"", *map(suffix, variants_of(dict(config.evaluation)))}
    kept = {*headline_metrics(config), *(metric + end for metric in searched for end in suffixes)}
    return {name: value for name, value in row.items() if not name.startswith(MEASURED) or name in kept}


def headline_metrics(config: Config) -> tuple[str, str]:
    """The names of the zero-shot and the all-shot metric that belong to the first searched metric: of its mode and K.
    For `loss`, which has none, they are of the first mode and the headline K that are measured."""
    metric, _ = config.search.objectives[0]
    parts = metric.split("/")
    mode, name = (parts[1], parts[3]) if len(parts) == 4 else (
        config.evaluation.modes[0], f"ngR@{headline_k(config.evaluation.ks)}")
    return f"val/{mode}/zs/{name}", f"val/{mode}/all/{name}"
