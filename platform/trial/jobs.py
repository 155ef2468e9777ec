"""What the workers of one Ray Train run do: one job after another, in the same processes.

To start a worker takes seconds of imports, as much as an epoch on small data. So the run of a trial stays when the
trial has finished, and the next trial in the same process gets its workers. A job comes to them in a file, since Ray
Train has a way from workers to the process that started them, for reports, and none back.
"""

from __future__ import annotations

import gc
import math
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray.train
from ray.train.collective import broadcast_from_rank_zero

from sgg.common.atomic import write_json
from sgg.common.run_log import read_optional_json

JOB_KEY, DONE_KEY = "job", "job_done"
"""In a report: the name of its job; that the job's function has returned."""
POLL_S = 0.05

Report = Callable[[dict[str, Any]], None]
"""Passes one report of a job on."""


class JobFile:
    """The file with the job that is to be done now. There is none between two jobs."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def put(self, arguments: dict[str, Any]) -> str:
        """Ask for a job. Returns its name, which no other job has.

        Raises TypeError where JSON cannot hold the arguments.
        """
        name = uuid.uuid4().hex
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"name": name, "arguments": arguments})
        return name

    def remove(self) -> None:
        """The job is done, or is not wanted any more."""
        self.path.unlink(missing_ok=True)

    def wait(self, done: str | None, idle_s: float) -> dict[str, Any] | None:
        """`name` and `arguments` of the job that is to be done after the job `done`; None after `idle_s` seconds."""
        until = time.monotonic() + idle_s
        while time.monotonic() < until:
            with suppress(FileNotFoundError):  # removed between two looks at it
                job = read_optional_json(self.path)
                if job is not None and job["name"] != done:
                    return job
            time.sleep(POLL_S)
        return None


def do_jobs(run: dict[str, Any]) -> None:
    """The training function of every worker of a run: do each job that is asked for, until none comes.

    run: `function`, which is called with the arguments of a job and with what passes a report on; `file`, the path of
    the `JobFile`; `idle_s`, how long to wait for another job. A worker that replaces a lost one begins the same job
    again.
    """
    done: str | None = None
    while (job := _next_job(JobFile(run["file"]), done, run["idle_s"])) is not None:
        done = job["name"]
        run["function"](job["arguments"], _report_of(done))
        ray.train.report({JOB_KEY: done, DONE_KEY: True})
        _free_memory()


def _next_job(file: JobFile, done: str | None, idle_s: float) -> dict[str, Any] | None:
    """The same for all workers: the first one decides whether there is another."""
    context = ray.train.get_context()
    if context.get_world_size() == 1:
        return file.wait(done, idle_s)
    job = file.wait(done, idle_s) if context.get_world_rank() == 0 else None
    if not broadcast_from_rank_zero(job is not None):
        return None
    return job or file.wait(done, math.inf)


def _report_of(job: str) -> Report:
    return lambda row: ray.train.report({JOB_KEY: job, **row})


def _free_memory() -> None:
    """Give back what the job held, before the next one takes as much."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
