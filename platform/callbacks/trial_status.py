"""What the driver notes about each trial, and what it takes back from those that end."""

from __future__ import annotations

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from sgg.common.run_log import position

from ..search.repeat_seeds import SEED_KEY
from ..study.directory import FAILED, FINISHED, STOPPED, StudyDirectory, TrialRecord
from ..trial.trainable import ENDED_KEY, FAILED_KEY, STUDY_KEY


class TrialStatusCallback(Callback):
    """Keeps trial.json of every trial up to date, and frees what a trial held whatever way it ended."""

    def __init__(self, directory: StudyDirectory, max_failures: int):
        self._directory, self._max_failures = directory, max_failures
        self._actors: dict[str, Any] = {}

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial was given a process; its first step comes after this."""
        trial.max_failures = self._max_failures
        actor = self._actors[trial.trial_id] = trial.temporary_state.ray_actor
        assert actor is not None  # Tune has just started it
        actor.go_on_after.remote(*position(trial.last_result or {}))

    def on_trial_result(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any],
                        **info: Any) -> None:
        """A trial reported an epoch, or that it failed."""
        if FAILED_KEY in result:
            # What raised once would raise again; only a lost process is worth another try.
            trial.max_failures = 0

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial ran to its end, or was stopped early."""
        failure = trial.last_result.get(FAILED_KEY)
        ended = trial.last_result.get(ENDED_KEY, False)
        self._note(trial, FAILED if failure else FINISHED if ended else STOPPED, failure or "")
        actor = self._actors.get(trial.trial_id)
        if actor is not None and not ended:
            # The process may be kept for the next trial; its training must not go on meanwhile.
            actor.halt.remote()

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial failed for good."""
        self._note(trial, FAILED, trial.last_result.get(FAILED_KEY) or "its process died too often")
        self._take_back(trial)

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A trial lost its process and is taken up again."""
        self._take_back(trial)

    def _note(self, trial: TuneTrial, status: str, reason: str) -> None:
        values = {key: value for key, value in trial.config.items() if key != STUDY_KEY}
        TrialRecord(self._directory.trial(trial.trial_id), values, status, reason).write()

    def _take_back(self, trial: TuneTrial) -> None:
        actor = self._actors.pop(trial.trial_id, None)
        if actor is not None:
            remove_placement_groups_of(actor)


def remove_placement_groups_of(actor: Any) -> None:
    """Free what a dead process had reserved: else Ray keeps its placement groups, and their GPUs, for the whole job."""
    from ray._private.state import state
    from ray._raylet import PlacementGroupID
    from ray.core.generated import gcs_pb2
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    data_type = gcs_pb2.PlacementGroupTableData  # type: ignore[attr-defined]  # protobuf makes it at run time
    for serialized in state._connect_and_get_accessor().get_placement_group_table():
        group = data_type.FromString(serialized)
        if group.creator_actor_id == actor._actor_id.binary() and group.state != data_type.REMOVED:
            remove_placement_group(PlacementGroup(PlacementGroupID(group.placement_group_id)))


def settings_of(trial: TuneTrial) -> dict[str, Any]:
    """The searched settings of a trial, the seed last."""
    values = {key: value for key, value in trial.config.items() if key not in (STUDY_KEY, SEED_KEY)}
    return {**values, **({SEED_KEY: trial.config[SEED_KEY]} if SEED_KEY in trial.config else {})}
