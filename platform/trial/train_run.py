"""One Ray Train run, held by the process that started it.

Ray's own `trainer.fit()` puts the run's controller into a process of its own, which outlives a trial that Tune stops
early, and with it the placement group that holds the GPU. Here the controller is a thread of the trial's process: no
further process to start, reports arrive in a plain queue, and `stop` gives the GPU back before it returns.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from ray.exceptions import RayError
from ray.train import WorkerGroupError
from ray.train.backend import BackendConfig
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.exceptions import RayTrainError
from ray.train.v2._internal.execution.callback import ReportCallback
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.failure_handling import DefaultFailurePolicy, FailureDecision
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.train.v2.api.exceptions import TrainingFailedError

log = logging.getLogger(__name__)

GROUP_TIMEOUT_S = 1800
"""How long workers that train together wait for one another: to meet, and in each exchange. The death of one ends the
exchange at once; the limit is for a machine that no longer answers. It leaves room for the slowest: a worker may still
be reading pictures or writing a checkpoint.
"""


class TrainRun:
    """A training function that runs on `workers` processes, from now on and in the background.

    function: called on each worker with `arguments`; may call `ray.train.report`, whose first worker's counts. name: of
    the run, unique under `storage`. resources: what the workers hold in all, for example {"CPU": 1, "GPU": 1}.
    Several workers are joined to a torch.distributed process group. max_failures: how often the workers are replaced
    when one is lost; an exception of `function` ends the run at once.
    """

    def __init__(self, function: Callable[[dict[str, Any]], None], arguments: dict[str, Any], *, name: str,
                 storage: str, resources: dict[str, float], max_failures: int, workers: int = 1):
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._error: TrainingFailedError | None = None
        trainer = _Trainer(
            function, train_loop_config=arguments, backend_config=_backend(workers, resources),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=resources.get("GPU", 0) > 0,
                                         placement_strategy="STRICT_PACK" if workers > 1 else "PACK",
                                         resources_per_worker={name: amount / workers
                                                               for name, amount in resources.items()}),
            run_config=RunConfig(name=name, storage_path=storage,
                                 failure_config=FailureConfig(max_failures=max_failures)))
        self._trainer = trainer
        trainer.reports = _Reports(self._messages)
        self._thread = threading.Thread(target=self._run, name=f"train-run-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._trainer.fit()
        except TrainingFailedError as error:
            self._error = error
        except Exception as error:  # of Ray's own making: the trial has failed, not ended
            self._error = TrainingFailedError(f"{type(error).__name__}: {error}")
            self._error.__cause__ = error
        finally:
            self._messages.put(None)

    def next_report(self) -> dict[str, Any] | None:
        """Wait for what the worker reports next; None once it has returned.

        Raises ray.train.TrainingFailedError when the function raised, or lost its worker too often.
        """
        report = self._messages.get()
        if report is None:
            self._messages.put(None)
            if self._error is not None:
                raise self._error
        return report

    def stop(self, timeout_s: float = 60) -> None:
        """End the run, its workers and their hold on resources, whatever state it is in; warns where that fails."""
        self._trainer.cancel()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("%s has not ended in %g s", self._thread.name, timeout_s)


def _backend(workers: int, resources: dict[str, float]) -> BackendConfig:
    """What joins workers to a group; a lone one needs none, and its trial's process no torch."""
    if workers == 1:
        return BackendConfig()
    from ray.train.torch import TorchConfig

    return TorchConfig(backend="nccl" if resources.get("GPU", 0) else "gloo", timeout_s=GROUP_TIMEOUT_S)


class _Reports(ReportCallback):
    """Puts what the worker reports into a queue."""

    def __init__(self, messages: queue.Queue[dict[str, Any] | None]):
        self._messages = messages

    def after_report(self, training_report: Any, metrics: list[dict[str, Any]]) -> None:
        self._messages.put(metrics[0])


class LostPeerError(RuntimeError):
    """Raised by the training function where it fails because another worker no longer answers."""


class _LostWorkers(DefaultFailurePolicy):
    """Replaces workers of which one died; what the training function raised itself would only be raised again."""

    def make_decision(self, training_failed_error: TrainingFailedError) -> FailureDecision:
        if isinstance(training_failed_error, WorkerGroupError):
            failures = training_failed_error.worker_failures.values()
            if not all(isinstance(failure, RayError | RayTrainError | LostPeerError) for failure in failures):
                return FailureDecision.RAISE
        return super().make_decision(training_failed_error)


class _OneSize(FixedScalingPolicy):
    """Asks nobody for resources: a waiting placement group already tells an autoscaler what is missing."""

    def after_controller_start(self, train_run_context: Any) -> None:
        pass

    def _maybe_send_resource_request(self) -> None:
        pass


class _Trainer(DataParallelTrainer):
    """A trainer whose controller runs in the calling thread and can be cancelled from another."""

    reports: _Reports

    def __init__(self, *arguments: Any, **keywords: Any):
        super().__init__(*arguments, **keywords)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Make `fit` return as soon as it next waits; harmless when it has not begun or is over."""
        with self._lock:
            self._cancelled = True
            if self._task is not None and self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _create_default_callbacks(self) -> list[Any]:
        # Each of these starts one more process: a cleaner for a controller that outlives its trial, which ours does
        # not, and a manager of Ray Data's sets, which we do not use.
        unused = PlacementGroupCleanerCallback | DatasetsCallback
        kept = [one for one in super()._create_default_callbacks() if not isinstance(one, unused)]
        return [*kept, self.reports]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        failures, scaling = self.run_config.failure_config, self.scaling_config
        assert isinstance(failures, FailureConfig)  # though annotated as those of Ray Train's first version
        assert isinstance(scaling, ScalingConfig)
        parts |= {"failure_policy": _LostWorkers(failures), "scaling_policy": _OneSize(scaling)}
        return asyncio.run(self._control(TrainController(**parts)))

    async def _control(self, controller: TrainController) -> Any:
        with self._lock:
            if self._cancelled:
                raise TrainingFailedError("the run was stopped before it began")
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await controller.run()
        except asyncio.CancelledError:
            raise TrainingFailedError("the run was stopped") from None
        finally:
            if (group := controller.get_worker_group()) is not None:
                group.abort()
        return controller.get_result()
