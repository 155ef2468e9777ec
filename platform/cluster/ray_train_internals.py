"""The private parts of Ray Train that this platform uses: a trainer whose controller runs in the calling thread.

See `ray_internals.py`, which has the rule and the names of the tests.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError
from ray.train import WorkerGroupError
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.exceptions import RayTrainError
from ray.train.v2._internal.execution.callback import ReportCallback
from ray.train.v2._internal.execution.checkpoint.sync_actor import SynchronizationActor
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.failure_handling import DefaultFailurePolicy, FailureDecision
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2._internal.execution.worker_group import WorkerGroup, state, worker_group
from ray.train.v2.api.config import FailureConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.train.v2.api.exceptions import TrainingFailedError


class _Reports(ReportCallback):
    """Passes the metrics that the first worker reports to `receive`."""

    def __init__(self, receive: Callable[[dict[str, Any]], None]):
        self._receive = receive

    def after_report(self, training_report: Any, metrics: list[dict[str, Any]]) -> None:
        self._receive(metrics[0])


class _ReplaceLostWorkers(DefaultFailurePolicy):
    """Replaces the workers when one of them died. An exception of the training function itself ends the run, since a
    new worker would only raise it again; exceptions in `of_lost_workers` count as a death."""

    def __init__(self, failure_config: FailureConfig, of_lost_workers: tuple[type[Exception], ...]):
        super().__init__(failure_config)
        self.count = 0
        self._replaced: tuple[type[Exception], ...] = (RayError, RayTrainError, *of_lost_workers)

    def make_decision(self, training_failed_error: TrainingFailedError) -> FailureDecision:
        if isinstance(training_failed_error, WorkerGroupError):
            failures = training_failed_error.worker_failures.values()
            if not all(isinstance(failure, self._replaced) for failure in failures):
                return FailureDecision.RAISE
        self.count += 1
        return super().make_decision(training_failed_error)


class _NoResourceRequests(FixedScalingPolicy):
    """A fixed number of workers, without requests to Ray's autoscaling coordinator, which is an actor of its own. A
    placement group that waits already shows the autoscaler which resources are missing."""

    def after_controller_start(self, train_run_context: Any) -> None:
        pass

    def _maybe_send_resource_request(self) -> None:
        pass


class _NoBarrier:
    """In place of Ray's `SynchronizationActor`, at which workers wait for each other, where there is one worker. The
    actor is a process that takes as long to start as a worker without torch."""

    class broadcast_from_rank_zero:  # it is called as the method of an actor
        """What the first worker passes to all of them."""

        @staticmethod
        def remote(*, data: Any, **_: Any) -> Any:
            """A reference to the worker's own data."""
            return ray.put(data)


class _Barriers:
    """In place of the class `SynchronizationActor`, of which a group of workers makes its actor as it starts."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def none(self) -> Iterator[None]:
        """In the block, this thread makes none."""
        self._of_thread.none = True
        try:
            yield
        finally:
            self._of_thread.none = False

    def options(self, **options: Any) -> Any:
        """What makes the actor."""
        none = getattr(self._of_thread, "none", False)
        return self if none else SynchronizationActor.options(**options)  # type: ignore[attr-defined]  # an actor has it

    def remote(self, **_: Any) -> _NoBarrier:
        """Called on the result of `options`."""
        return _NoBarrier()


_barriers, _end_of_actor = _Barriers(), state._shutdown_sync_actor


def _end(barrier: Any) -> None:
    if not isinstance(barrier, _NoBarrier):
        _end_of_actor(barrier)


vars(worker_group)["SynchronizationActor"], vars(state)["_shutdown_sync_actor"] = _barriers, _end


class _SingleWorker(WorkerGroup):
    """A group of one worker, which waits for nobody."""

    def _start_impl(self, *arguments: Any) -> None:
        with _barriers.none():
            super()._start_impl(*arguments)


class _SingleWorkerController(TrainController):
    worker_group_cls = _SingleWorker


class ThreadTrainer(DataParallelTrainer):
    """A trainer whose controller runs in the thread that calls `fit`. Another thread can cancel it.

    on_report: called with the metrics of each report of the first worker, on the thread of `fit`. of_lost_workers:
    exceptions of the training function after which the workers are replaced. The other arguments are Ray's.
    """

    def __init__(self, *arguments: Any, on_report: Callable[[dict[str, Any]], None],
                 of_lost_workers: tuple[type[Exception], ...] = (), **keywords: Any):
        super().__init__(*arguments, **keywords)
        self._reports, self._of_lost_workers = _Reports(on_report), of_lost_workers
        self._failures: _ReplaceLostWorkers | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._lock = threading.Lock()

    @property
    def lost_workers(self) -> int:
        """How often workers have been lost so far. Ray counts that against `max_failures`, over the whole run."""
        return self._failures.count if self._failures is not None else 0

    def cancel(self) -> None:
        """Make `fit` return at its next wait. This does nothing when `fit` is over; `fit` that begins later fails at
        once."""
        with self._lock:
            self._cancelled = True
            if self._task is not None and self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _create_default_callbacks(self) -> list[Any]:
        # Each of these two starts one more process: a cleaner for a controller that outlives its trial, which ours
        # does not, and a manager of Ray Data's sets, which we do not use.
        unused = PlacementGroupCleanerCallback | DatasetsCallback
        kept = [callback for callback in super()._create_default_callbacks() if not isinstance(callback, unused)]
        return [*kept, self._reports]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        failures, scaling = self.run_config.failure_config, self.scaling_config
        assert isinstance(failures, FailureConfig)  # though annotated as those of Ray Train's first version
        assert isinstance(scaling, ScalingConfig)
        self._failures = _ReplaceLostWorkers(failures, self._of_lost_workers)
        parts |= {"failure_policy": self._failures,
                  "scaling_policy": _NoResourceRequests(scaling)}
        controller = _SingleWorkerController if scaling.num_workers == 1 else TrainController
        return asyncio.run(self._control(controller(**parts)))

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
