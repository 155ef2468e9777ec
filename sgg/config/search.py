"""The settings of a search: which trials run, on which resources, and where results go. `platform/` uses most of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt

from sgg.settings.marks import ComputedDefault, acts_unless, acts_with
from sgg.settings.roles import draws, measures, runs
from sgg.settings.section import Distinct, Listed, Off, Section

from .rules import direction_of_metric, metric_of_modes

Direction = Literal["max", "min"]
Objective = tuple[str, Direction]
"""A metric, and whether a larger or a smaller value is better."""


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


One = BeforeValidator(_one)
"""For a value or a list of two; a list of one is read as the value."""


def objectives(metric: str | list[str], mode: Direction | list[Direction]) -> list[Objective]:
    """The objectives of `search.metric` and `search.mode`. One mode is that of all metrics."""
    metrics = [metric] if isinstance(metric, str) else metric
    modes = [mode] * len(metrics) if isinstance(mode, str) else mode
    return list(zip(metrics, modes, strict=False))  # their numbers are checked with all settings


class Search(Section):
    """Which trials are run, and which are stopped early (`platform/search/search_space.py`, `platform/tune.py`)."""

    metric: Annotated[str | Annotated[list[str], Distinct, Field(min_length=1, max_length=2)], One, measures(),
                      ComputedDefault(metric_of_modes)] = "val/sgcls/zs/ngR@100"
    """The metric that trials are compared by: a metric of validation (`val/sgcls/zs/ngR@100`), or `loss`. Two metrics,
    such as zero-shot and all-shot recall: optuna looks for the best trade-offs between them, and results mark the
    Pareto front; schedulers compare trials by the first."""
    mode: Annotated[Direction | Annotated[list[Direction], Field(min_length=1, max_length=2)], One, measures(),
                    ComputedDefault(direction_of_metric)] = "max"
    """Whether a larger or a smaller metric is better; of two metrics, for each. It follows from the metric and need not
    be given."""
    baseline: Annotated[list[str], Listed, Distinct, runs()] = []
    """The rows of the results that all others are compared with, each in a table of its own: names of `rows`, or
    settings such as `loss.kind=dnorm` (docs/RESULTS.md). Without one only the report compares rows."""
    trials: Annotated[PositiveInt, draws()] = 1
    """The number of configurations to draw; each runs once per seed. Every draw runs all values of grid axes."""
    algorithm: Annotated[Literal["random", "grid", "optuna"], draws()] = "random"
    """The search algorithm that draws configurations."""
    scheduler: Annotated[Literal["off", "asha", "median", "pbt"], Off, draws()] = "off"
    """The scheduler, which stops trials early (asha, median) or lets them copy one another (pbt)."""
    grace_epochs: Annotated[PositiveInt, draws(), acts_unless("scheduler", "off")] = 1
    """asha, median: no trial stops before this epoch. pbt: the number of epochs after which trials copy one another."""
    reduction_factor: Annotated[int, Field(ge=2), draws(), acts_with("scheduler", "asha")] = 2
    """The factor by which each rung reduces the number of trials."""
    max_concurrent: Annotated[PositiveInt | None, runs()] = None
    """The largest number of trials that run at the same time. None: as many as the resources allow."""
    time_budget_s: Annotated[PositiveFloat | None, runs()] = None
    """Seconds of the search, from its first trial on. Then it stops; `--resume` with a larger budget continues it."""
    max_failures: Annotated[int, Field(ge=0), runs()] = 2
    """How often a trial whose worker died resumes from its last checkpoint."""

    @property
    def objectives(self) -> list[Objective]:
        """The searched metrics, one or two, each with its mode."""
        return objectives(self.metric, self.mode)


class Resources(Section):
    """The resources of each trial."""

    gpus: Annotated[Annotated[float, Field(ge=0)] | Literal["auto"], runs(exact=False)] = "auto"
    """GPUs of a trial. auto: one for each worker if Ray sees a GPU, else 0."""
    workers: Annotated[PositiveInt | Literal["auto"], runs(exact=False)] = "auto"
    """Processes that train one trial together, each on its own images of a batch. auto: one for each GPU, at least one.
    Losses and BatchNorm stay those of the whole batch. Random draws differ as under another seed, since each worker
    draws for its own images (`sgg/common/distributed.py`)."""
    cpus: Annotated[PositiveFloat, runs(exact=False)] = 1.0
    """CPUs of each worker, which computes with as many threads."""
    address: Annotated[str, runs()] = "local"
    """`local`: start Ray on this machine; `auto` or `host:port`: use a running cluster."""

    @property
    def num_workers(self) -> int:
        """The number of processes that train one trial together."""
        if self.workers != "auto":
            return self.workers
        return 1 if self.gpus == "auto" else max(1, int(self.gpus))

    @property
    def all_cpus(self) -> float:
        """The CPUs of all workers of a trial together."""
        return self.cpus * self.num_workers


class Tracking(Section):
    """Where results go beside the run's own files; all are off by default."""

    wandb: Annotated[Literal["off", "online", "offline"], Off, runs()] = "off"
    """Weights & Biases."""
    wandb_project: Annotated[str, runs(), acts_unless("wandb", "off")] = "scene-graphs"
    """The project at Weights & Biases."""
    wandb_entity: Annotated[str | None, runs(), acts_unless("wandb", "off")] = None
    """The user or team at Weights & Biases; None: the default one."""
    tensorboard: Annotated[bool, runs()] = False
    """Write event files for TensorBoard."""
    parquet: Annotated[bool, runs()] = False
    """Write the metrics of every epoch of every trial as one table, epochs.parquet and epochs.csv."""
