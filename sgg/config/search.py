"""The settings of a search: which trials run, on what, and who is told. Nearly all are for `platform/` alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from .section import Off, Section


class Search(Section):
    """Which trials are run, and which are stopped early (`platform/search_space.py`, `platform/tune.py`)."""

    metric: str | None = None
    """A figure of validation (`val/sgcls/zs/ngR@100`), or `loss`. In a valid config it is decided, where not given as
    the zero-shot ngR of the first of `evaluation.modes`, at 100 or the largest of `evaluation.ks`."""
    mode: Literal["max", "min"] = "max"
    trials: PositiveInt = 1
    """Configurations drawn; each runs once per seed. Grid axes are run in full for every draw."""
    algorithm: Literal["random", "grid", "optuna"] = "random"
    scheduler: Annotated[Literal["off", "asha", "median", "pbt"], Off] = "off"
    grace_epochs: PositiveInt = 1
    """No trial is stopped before this epoch; pbt lets trials copy one another every so many epochs."""
    reduction_factor: Annotated[int, Field(ge=2)] = 2
    max_concurrent: PositiveInt | None = None
    """Trials at a time. None: as many as there is room for."""
    time_budget_s: PositiveFloat | None = None
    """Of the search, from its first trial on. Then it is interrupted; `--resume` with more time goes on."""
    max_failures: Annotated[int, Field(ge=0)] = 2
    """How often a trial whose worker died is taken up again from its last checkpoint."""


class Resources(Section):
    """What each trial gets."""

    gpus: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    """Of a trial. auto: one for each worker where Ray sees a GPU, else 0."""
    workers: PositiveInt | Literal["auto"] = "auto"
    """Processes that train one trial together, each on its share of a batch. auto: one for each GPU, at least one."""
    cpus: PositiveFloat = 1.0
    """Of each worker."""
    address: str = "local"
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

    wandb: Annotated[Literal["off", "online", "offline"], Off] = "off"
    wandb_project: str = "scene-graphs"
    wandb_entity: str | None = None
    tensorboard: bool = False
    parquet: bool = False
