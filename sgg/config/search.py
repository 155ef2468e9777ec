"""The settings of a search: which trials run, on what, and who is told. Nearly all are for `platform/` alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from sgg.settings.marks import Follows
from sgg.settings.roles import draws, measures, runs
from sgg.settings.section import Off, Section

from .rules import direction_of_metric, metric_of_modes


class Search(Section):
    """Which trials are run, and which are stopped early (`platform/search/search_space.py`, `platform/tune.py`)."""

    metric: Annotated[str, measures(), Follows(metric_of_modes)] = "val/sgcls/zs/ngR@100"
    """What trials are compared by: a figure of validation (`val/sgcls/zs/ngR@100`), or `loss`."""
    mode: Annotated[Literal["max", "min"], measures(), Follows(direction_of_metric)] = "max"
    """Whether a larger or a smaller metric is better. It follows from the metric and need not be given."""
    trials: Annotated[PositiveInt, draws()] = 1
    """Configurations drawn; each runs once per seed. Grid axes are run in full for every draw."""
    algorithm: Annotated[Literal["random", "grid", "optuna"], draws()] = "random"
    """How configurations are chosen."""
    scheduler: Annotated[Literal["off", "asha", "median", "pbt"], Off, draws()] = "off"
    """Which rule stops trials early."""
    grace_epochs: Annotated[PositiveInt, draws()] = 1
    """No trial is stopped before this epoch; pbt lets trials copy one another every so many epochs."""
    reduction_factor: Annotated[int, Field(ge=2), draws()] = 2
    """asha: one of so many trials goes on at each rung."""
    max_concurrent: Annotated[PositiveInt | None, runs()] = None
    """Trials at a time. None: as many as there is room for."""
    time_budget_s: Annotated[PositiveFloat | None, runs()] = None
    """Of the search, from its first trial on. Then it is interrupted; `--resume` with more time goes on."""
    max_failures: Annotated[int, Field(ge=0), runs()] = 2
    """How often a trial whose worker died is taken up again from its last checkpoint."""


class Resources(Section):
    """What each trial gets."""

    gpus: Annotated[Annotated[float, Field(ge=0)] | Literal["auto"], runs(exact=False)] = "auto"
    """Of a trial. auto: one for each worker where Ray sees a GPU, else 0."""
    workers: Annotated[PositiveInt | Literal["auto"], runs(exact=False)] = "auto"
    """Processes that train one trial together, each on its share of a batch. auto: one for each GPU, at least one. The
    batch, its losses and BatchNorm stay those of the whole batch, but each worker draws for its own images, as under
    another seed (`sgg/common/distributed.py`)."""
    cpus: Annotated[PositiveFloat, runs(exact=False)] = 1.0
    """Of each worker, which computes with so many threads."""
    address: Annotated[str, runs()] = "local"
    """`local`: a Ray of our own on this machine; `auto` or `host:port`: a running cluster."""

    @property
    def num_workers(self) -> int:
        """Processes that train one trial together."""
        if self.workers != "auto":
            return self.workers
        return 1 if self.gpus == "auto" else max(1, int(self.gpus))

    @property
    def all_cpus(self) -> float:
        """What the workers of a trial have in all."""
        return self.cpus * self.num_workers


class Tracking(Section):
    """Where results go besides the run's own files; all off by default."""

    wandb: Annotated[Literal["off", "online", "offline"], Off, runs()] = "off"
    """Weights & Biases."""
    wandb_project: Annotated[str, runs()] = "scene-graphs"
    """The project there."""
    wandb_entity: Annotated[str | None, runs()] = None
    """The user or team there; None: the default one."""
    tensorboard: Annotated[bool, runs()] = False
    """Write event files for TensorBoard."""
    parquet: Annotated[bool, runs()] = False
    """Write results.parquet beside results.csv."""
