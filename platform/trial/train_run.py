"""One Ray Train run, controlled by a thread of the process that starts it.

Ray's own `trainer.fit()` puts the run's controller into another process. That process survives when Tune stops a trial
early, and keeps the placement group that holds the trial's GPU. Here the controller is a thread of the trial's process
(`cluster/ray_train_internals.py`). There is one process less to start, reports arrive in a plain queue, and `stop`
releases the GPU before it returns.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.backend import BackendConfig

from ..cluster.ray_train_internals import ThreadTrainer
from .jobs import DONE_KEY, JOB_KEY, JobFile, Report, do_jobs

log = logging.getLogger(__name__)

GROUP_TIMEOUT_S = 1800
"""How long workers of one trial wait for each other, to meet and in each exchange. The death of a worker ends an
exchange at once, so this limit only serves for a machine that no longer answers. It allows for the slowest worker,
which may still be reading images or writing a checkpoint."""


IDLE_S = 60.0
"""How long workers wait for another job. It allows for a shared file system that shows a new file late."""

JobFunction = Callable[[dict[str, Any], Report], None]
"""A training function: it gets the arguments of a job, and what passes a report on."""


class LostPeerError(RuntimeError):
    """The training function raises this when it fails because another worker no longer answers."""


class TrainRun:
    """Worker processes in the background that call a training function, for one job after another.

    function: each worker calls it with the arguments of a job and with a function that passes a report on; the first
    worker's reports count. name: of the run, unique under `storage`, which all nodes share. resources: of all workers
    together, for example {"CPU": 1, "GPU": 1}. max_failures: how often the workers are replaced in one job after one is
    lost; an exception of `function` other than LostPeerError ends the run at once. Several workers form a
    torch.distributed process group.

    The workers start with the first job. They stay after a job that went well, so that the next one finds them ready;
    after `idle_s` seconds without a job they end, so that others get what they hold.
    """

    def __init__(self, function: JobFunction, *, name: str, storage: str, resources: dict[str, float],
                 max_failures: int, workers: int = 1, idle_s: float = IDLE_S):
        self._name = name
        self._file = JobFile(Path(storage) / f"{name}.job.json")
        self._new_trainer = partial(
            ThreadTrainer, do_jobs,
            train_loop_config={"function": function, "file": str(self._file.path), "idle_s": idle_s},
            backend_config=_backend(workers, resources),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=resources.get("GPU", 0) > 0,
                                         placement_strategy="STRICT_PACK" if workers > 1 else "PACK",
                                         resources_per_worker={name: amount / workers
                                                               for name, amount in resources.items()}),
            run_config=RunConfig(name=name, storage_path=storage,
                                 failure_config=FailureConfig(max_failures=max_failures)),
            of_lost_workers=(LostPeerError,))
        self._job: str | None = None
        self._started: _Started | None = None

    @property
    def is_free(self) -> bool:
        """Whether the last job went well and its workers may do another."""
        return (self._job is None and self._started is not None and self._started.error is None
                and not self._started.trainer.lost_workers)

    def begin(self, arguments: dict[str, Any]) -> None:
        """Begin a job with these arguments, which JSON can hold. The one before must be over."""
        assert self._job is None
        if not self.is_free:
            self.stop()
        self._job = self._file.put(arguments)
        if self._started is None:
            self._started = _Started(self._new_trainer, self._name)

    def next_report(self) -> dict[str, Any] | None:
        """Wait for the next report of the first worker from this job; None after the function has returned.

        Raises ray.train.TrainingFailedError when the function raised, or when workers were lost more than
        `max_failures` times.
        """
        while self._job is not None:
            assert self._started is not None
            report = self._started.reports.get()
            if report is None:
                if self._started.error is not None:
                    raise self._started.error
                self._started = _Started(self._new_trainer, self._name)  # it was idle, and ended as the job came
            elif report.pop(JOB_KEY) == self._job:  # not again the job before, by a worker that replaces a lost one
                if DONE_KEY not in report:
                    return report
                self._end_job()
        return None

    def _end_job(self) -> None:
        self._job = None
        self._file.remove()

    def stop(self, timeout_s: float = 60) -> None:
        """End the run and its workers and release their resources, in whatever state the run is. Log a warning when it
        has not ended after `timeout_s` seconds."""
        self._end_job()
        if self._started is not None:
            self._started.stop(timeout_s)
            self._started = None


class _Started:
    """A trainer that a thread runs. reports: of the first worker, and None at the end; error: why it failed, if so."""

    def __init__(self, new_trainer: Callable[..., ThreadTrainer], name: str) -> None:
        self.reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.error: TrainingFailedError | None = None
        self.trainer = new_trainer(on_report=self.reports.put)
        self._thread = threading.Thread(target=self._run, name=f"train-run-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.trainer.fit()
        except TrainingFailedError as error:
            self.error = error
        except Exception as error:  # of Ray's own code: the trial has failed, not finished
            self.error = TrainingFailedError(f"{type(error).__name__}: {error}")
            self.error.__cause__ = error
        finally:
            self.reports.put(None)

    def stop(self, timeout_s: float) -> None:
        """See `TrainRun.stop`."""
        self.trainer.cancel()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("%s has not ended within %g s", self._thread.name, timeout_s)


def _backend(workers: int, resources: dict[str, float]) -> BackendConfig:
    """The backend that forms a process group of several workers. One worker needs none, and importing it costs the
    trial's process the import of torch."""
    if workers == 1:
        return BackendConfig()
    from ray.train.torch import TorchConfig

    return TorchConfig(backend="nccl" if resources.get("GPU", 0) else "gloo", timeout_s=GROUP_TIMEOUT_S)
