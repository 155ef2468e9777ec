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
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.backend import BackendConfig

from ..cluster.ray_train_internals import ThreadTrainer

log = logging.getLogger(__name__)

GROUP_TIMEOUT_S = 1800
"""How long workers of one trial wait for each other, to meet and in each exchange. The death of a worker ends an
exchange at once, so this limit only serves for a machine that no longer answers. It allows for the slowest worker,
which may still be reading images or writing a checkpoint."""


class LostPeerError(RuntimeError):
    """The training function raises this when it fails because another worker no longer answers."""


class TrainRun:
    """A training function that runs on `workers` processes in the background, from now on.

    function: each worker calls it with `arguments`. It may call `ray.train.report`; the first worker's reports count.
    name: of the run, unique under `storage`. resources: of all workers together, for example {"CPU": 1, "GPU": 1}.
    max_failures: how often the workers are replaced after one is lost; an exception of `function` other than
    LostPeerError ends the run at once. Several workers form a torch.distributed process group.
    """

    def __init__(self, function: Callable[[dict[str, Any]], None], arguments: dict[str, Any], *, name: str,
                 storage: str, resources: dict[str, float], max_failures: int, workers: int = 1):
        self._reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._error: TrainingFailedError | None = None
        self._trainer = ThreadTrainer(
            function, train_loop_config=arguments, backend_config=_backend(workers, resources),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=resources.get("GPU", 0) > 0,
                                         placement_strategy="STRICT_PACK" if workers > 1 else "PACK",
                                         resources_per_worker={name: amount / workers
                                                               for name, amount in resources.items()}),
            run_config=RunConfig(name=name, storage_path=storage,
                                 failure_config=FailureConfig(max_failures=max_failures)),
            on_report=self._reports.put, of_lost_workers=(LostPeerError,))
        self._thread = threading.Thread(target=self._run, name=f"train-run-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._trainer.fit()
        except TrainingFailedError as error:
            self._error = error
        except Exception as error:  # of Ray's own code: the trial has failed, not finished
            self._error = TrainingFailedError(f"{type(error).__name__}: {error}")
            self._error.__cause__ = error
        finally:
            self._reports.put(None)

    def next_report(self) -> dict[str, Any] | None:
        """Wait for the next report of the first worker; None after the function has returned.

        Raises ray.train.TrainingFailedError when the function raised, or when workers were lost more than
        `max_failures` times.
        """
        report = self._reports.get()
        if report is None:
            self._reports.put(None)
            if self._error is not None:
                raise self._error
        return report

    def stop(self, timeout_s: float = 60) -> None:
        """End the run and its workers and release their resources, in whatever state the run is. Log a warning when it
        has not ended after `timeout_s` seconds."""
        self._trainer.cancel()
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
