"""The private parts of Ray's core and of Ray Tune that this platform uses.

Those of Ray Train are in `ray_train_internals.py`. No other module may use any, so that a new version of Ray changes
these two files at most. tests/unit/platform/cluster/test_ray_internals.py checks every private name that they use, and
says what the platform needs it for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray._private import worker
from ray._private.state import state
from ray._raylet import PlacementGroupID
from ray.core.generated import gcs_pb2
from ray.tune.experiment import Trial
from ray.tune.schedulers import PopulationBasedTraining
from ray.util.placement_group import PlacementGroup, remove_placement_group

CONNECTION_TEST = """
import sys
from ray._private import services
from ray._raylet import GcsClient
print(flush=True)
try:
    GcsClient(address=services.canonicalize_bootstrap_address_or_die(sys.argv[1]))
except Exception as error:
    print(str(error).partition(chr(10))[0], flush=True)
    sys.exit(1)
"""
"""The text of a Python program whose argument is the address of a Ray cluster. It prints an empty line before it
connects. It exits with 0 when the cluster answers; otherwise it prints the reason and exits with 1.

Ray's public way to connect, `ray.init`, waits for minutes and may end the process.
"""


def log_raylet_messages(log: Callable[[str], None]) -> None:
    """Send messages of raylets (Ray's process on each node) to `log`. Ray itself prints them to stdout, even with
    `log_to_driver=False`."""
    worker.print_to_stdstream = lambda message, **_: log(" ".join(message["lines"]))


def actor_of(trial: Trial) -> Any:
    """The Ray actor that runs a trial of Tune. Tune must have started it."""
    actor = trial.temporary_state.ray_actor
    assert actor is not None
    return actor


def remove_placement_groups_of(actor: Any) -> None:
    """Remove the placement groups that an actor created. An actor that died leaves them, and Ray keeps their resources
    reserved until the whole job ends.

    Ray's public table of placement groups does not say which actor created a group.
    """
    data_type = gcs_pb2.PlacementGroupTableData  # type: ignore[attr-defined]  # protobuf makes it at run time
    for serialized in state._connect_and_get_accessor().get_placement_group_table():
        group = data_type.FromString(serialized)
        if group.creator_actor_id == actor._actor_id.binary() and group.state != data_type.REMOVED:
            remove_placement_group(PlacementGroup(PlacementGroupID(group.placement_group_id)))


def tune_controller(scheduler_view: Any) -> Any:
    """Tune's own controller, from the restricted view of it that Tune passes to schedulers."""
    return scheduler_view._tune_controller


def saved_state(controller: Any) -> dict[str, bytes]:
    """Make Tune's controller save its state now. Returns file name -> content, of this session's files only.

    Tune writes several files into its staging folder. The names of all of them contain the session's start time.
    """
    controller.save_to_dir()
    path = Path(controller.experiment_state_path)
    session = path.stem.partition("-")[2]
    return {file.name: file.read_bytes() for file in path.parent.glob(f"*-{session}.*")}


def population_states(scheduler: PopulationBasedTraining) -> dict[Trial, Any]:
    """What population-based training remembers of each trial, as objects that may be changed: `last_score`,
    `last_train_time`, `last_perturbation_time`, `last_result`, `last_checkpoint`. The mapping itself may be changed
    too."""
    return scheduler._trial_state


def optuna_trials(searcher: Any) -> dict[str, Any]:
    """Optuna's trials (`optuna.Trial`) by the ids under which Ray's OptunaSearch suggested them."""
    return searcher._ot_trials
