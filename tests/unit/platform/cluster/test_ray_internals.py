"""What the platform needs of Ray's private parts, one test for each name. A test that fails after an upgrade of Ray
says which part of the platform to mend. No Ray is started."""

import ast
import asyncio
import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from platform.cluster import ray_internals, ray_train_internals
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import ray
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import PopulationBasedTraining


def parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


class Need(NamedTuple):
    """A private name of Ray. check: raises, or returns False, unless the thing is as the platform needs it."""

    name: str
    used_by: str
    why: str
    check: Callable[[Any], object] = callable


CORE = "ray_internals."
TRAIN = "ray_train_internals."
NEEDS = [
    Need("ray._private.services.canonicalize_bootstrap_address_or_die", CORE + "CONNECTION_TEST",
         "it turns resources.address into the address of a cluster", lambda it: len(parameters(it)) >= 1),
    Need("ray._raylet.GcsClient", CORE + "CONNECTION_TEST", "it raises where no cluster answers",
         lambda it: isinstance(it, type)),
    Need("ray._private.worker.listen_error_messages", CORE + "log_raylet_messages",
         "it prints errors of raylets by print_to_stdstream, which is replaced",
         lambda it: "print_to_stdstream" in it.__code__.co_names),
    Need("ray._private.state.state", CORE + "remove_placement_groups_of", "it gives access to the cluster's tables",
         lambda it: callable(it._connect_and_get_accessor)),
    Need("ray._raylet.GlobalStateAccessor", CORE + "remove_placement_groups_of",
         "its table of placement groups says which actor created each", lambda it: it.get_placement_group_table),
    Need("ray._raylet.PlacementGroupID", CORE + "remove_placement_groups_of", "it names the group to remove",
         lambda it: it(b"\0" * it.size()).binary() == b"\0" * it.size()),
    Need("ray.core.generated.gcs_pb2.PlacementGroupTableData", CORE + "remove_placement_groups_of",
         "rows of the table of placement groups are serialized with it",
         lambda it: it.REMOVED and {"creator_actor_id", "placement_group_id", "state"} <= set(
             it.DESCRIPTOR.fields_by_name)),
    Need("ray.actor.ActorHandle._actor_id", CORE + "remove_placement_groups_of",
         "it is compared with the creators of placement groups", lambda it: isinstance(it, property)),
    Need("ray.tune.experiment.trial._TemporaryTrialState", CORE + "actor_of", "its ray_actor runs the trial",
         lambda it: it().ray_actor is None),
    Need("ray.tune.search.optuna.optuna_search.OptunaSearch", CORE + "optuna_trials",
         "its _ot_trials are Optuna's trials by the ids under which it suggested them",
         lambda it: "_ot_trials" in it.suggest.__code__.co_names),
    Need("ray.tune.execution.tune_controller.TrialRunnerWrapper", CORE + "tune_controller",
         "schedulers get it in place of Tune's controller, which is its _tune_controller",
         lambda it: ray_internals.tune_controller(it("the controller", None)) == "the controller"),
    Need("ray.tune.execution.tune_controller.TuneController.save_to_dir", CORE + "saved_state",
         "it writes the state of a search at once", lambda it: list(parameters(it)) == ["self"]),
    Need("ray.tune.execution.tune_controller.TuneController.experiment_state_path", CORE + "saved_state",
         "files of the state lie beside it, and their names contain the session as its name does",
         lambda it: isinstance(it, property) and TuneController.CKPT_FILE_TMPL == "experiment_state-{}.json"),
    Need("ray.tune.execution.tune_controller.TuneController.resumed", "callbacks/resume_snapshots.py",
         "it says whether Tune has restored a snapshot", lambda it: isinstance(it, property)),
    Need("ray.tune.execution.tune_controller.TuneController.get_trials", "callbacks/resume_snapshots.py",
         "it lists the trials whose states a snapshot has", lambda it: list(parameters(it)) == ["self"]),
    Need("ray.tune.schedulers.pbt._PBTTrialState", CORE + "population_states",
         "the scores of a trial, which a resumed search restores",
         lambda it: {"last_score", "last_train_time", "last_perturbation_time", "last_result", "last_checkpoint"}
         <= set(vars(it(SimpleNamespace(experiment_tag=""))))),
    Need("ray.train.v2._internal.callbacks.datasets.DatasetsCallback", TRAIN + "ThreadTrainer",
         "it is left out of a trainer's callbacks, since it starts a process"),
    Need("ray.train.v2._internal.callbacks.placement_group_callback.PlacementGroupCleanerCallback",
         TRAIN + "ThreadTrainer", "it is left out of a trainer's callbacks, since it starts a process"),
    Need("ray.train.v2._internal.exceptions.RayTrainError", TRAIN + "_ReplaceLostWorkers",
         "it says that a worker was lost", lambda it: issubclass(it, Exception)),
    Need("ray.train.v2._internal.execution.callback.ReportCallback", TRAIN + "_Reports",
         "Ray passes it the metrics of all workers",
         lambda it: list(parameters(it.after_report)) == ["self", "training_report", "metrics"]),
    Need("ray.train.v2._internal.execution.controller.TrainController", TRAIN + "ThreadTrainer",
         "it is created and run in a thread, and cancelled from another",
         lambda it: asyncio.iscoroutinefunction(it.run) and it.get_worker_group and it.get_result
         and {"failure_policy", "scaling_policy"} <= set(parameters(it))),
    Need("ray.train.v2._internal.execution.failure_handling.DefaultFailurePolicy", TRAIN + "_ReplaceLostWorkers",
         "it counts failures and decides on new workers",
         lambda it: list(parameters(it)) == ["failure_config"]
         and list(parameters(it.make_decision)) == ["self", "training_failed_error"]),
    Need("ray.train.v2._internal.execution.failure_handling.FailureDecision", TRAIN + "_ReplaceLostWorkers",
         "RAISE ends a run", lambda it: it.RAISE),
    Need("ray.train.v2._internal.execution.scaling_policy.FixedScalingPolicy", TRAIN + "_NoResourceRequests",
         "its requests to the autoscaling coordinator are left out",
         lambda it: list(parameters(it)) == ["scaling_config"] and it._maybe_send_resource_request
         and list(parameters(it.after_controller_start)) == ["self", "train_run_context"]),
    Need("ray.train.v2._internal.execution.worker_group.WorkerGroup", TRAIN + "ThreadTrainer",
         "abort() ends its workers and removes its placement group", lambda it: list(parameters(it.abort)) == ["self"]),
    Need("ray.train.v2._internal.execution.worker_group.WorkerGroup._start_impl", TRAIN + "_SingleWorker",
         "it makes the actor at which workers wait for each other",
         lambda it: "SynchronizationActor" in it.__code__.co_names),
    Need("ray.train.v2._internal.execution.controller.TrainController.worker_group_cls",
         TRAIN + "_SingleWorkerController", "it is the class of the groups that it starts",
         lambda it: it is ray_train_internals.WorkerGroup),
    Need("ray.train.v2._internal.execution.worker_group.worker_group.SynchronizationActor", TRAIN + "_Barriers",
         "it is replaced, so that a single worker has none", lambda it: it is ray_train_internals._barriers),
    Need("ray.train.v2._internal.execution.worker_group.state._shutdown_sync_actor", TRAIN + "_end",
         "it is replaced, so that only actors are ended", lambda it: it is ray_train_internals._end),
    Need("ray.train.v2._internal.execution.checkpoint.sync_actor.SynchronizationActor", TRAIN + "_NoBarrier",
         "workers call it as they report, with `data`, and get what the first one passed",
         lambda it: "data" in parameters(it.__ray_metadata__.modified_class.broadcast_from_rank_zero)),
    Need("ray.train.v2.api.data_parallel_trainer.DataParallelTrainer", TRAIN + "ThreadTrainer",
         "fit() creates its callbacks and its controller by the two methods that are overridden",
         lambda it: it._create_default_callbacks and it._initialize_and_run_controller
         and {"_create_default_callbacks", "_initialize_and_run_controller"} <= set(it.fit.__code__.co_names)),
]


def resolved(name: str) -> Any:
    """The thing with this dotted name, a module or an attribute of one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name.removeprefix("ray."))
def test_private_part_is_as_needed(need: Need) -> None:
    try:
        held, reason = bool(need.check(resolved(need.name))), "it is not as it was"
    except Exception as error:
        held, reason = False, f"{type(error).__name__}: {error}"
    assert held, (f"Ray {ray.__version__} has changed {need.name} ({reason}). platform/cluster needs it for "
                  f"{need.used_by}: {need.why}. Mend that, and this test.")


@pytest.mark.parametrize("module", [ray_internals, ray_train_internals])
def test_private_part_has_a_test_for_each_import(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    trees = [tree, *(ast.parse(node.value) for node in ast.walk(tree)
                     if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\nfrom ray." in node.value)]
    imported = {f"{node.module}.{alias.name}" for tree in trees for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and "._" in (node.module or "") for alias in node.names}
    assert imported
    assert all(any(need.name.startswith(name) for need in NEEDS) for name in imported)


def test_population_states() -> None:
    """A trial's state is there once the trial was added, and can be replaced."""
    scheduler = PopulationBasedTraining(metric="m", mode="max", hyperparam_mutations={"a": [1, 2]})
    trial = Trial("stub", stub=True)
    scheduler.on_trial_add(SimpleNamespace(search_alg=None), trial)
    states = ray_internals.population_states(scheduler)
    assert list(states) == [trial]
    assert states[trial].last_score is None


def test_saved_state_is_that_of_this_session(tmp_path: Path) -> None:
    (tmp_path / "searcher-before.json").write_text("of the session before")

    def save() -> None:
        for name in ("experiment_state", "searcher"):
            (tmp_path / f"{name}-now.json").write_text(name)

    controller = SimpleNamespace(save_to_dir=save, experiment_state_path=str(tmp_path / "experiment_state-now.json"))
    assert ray_internals.saved_state(controller) == {"experiment_state-now.json": b"experiment_state",
                                                    "searcher-now.json": b"searcher"}


def test_log_raylet_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called as Ray calls it for an error that a raylet reports."""
    from ray._private import worker

    monkeypatch.setattr(worker, "print_to_stdstream", worker.print_to_stdstream)
    logged: list[str] = []
    ray_internals.log_raylet_messages(logged.append)
    worker.print_to_stdstream({"lines": ["out of", "memory"], "pid": "raylet", "is_err": False}, ignore_prefix=False)
    assert logged == ["out of memory"]
