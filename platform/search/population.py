"""Population-based training that can resume after a search was interrupted or a trial lost its process.

Ray's own scheduler forgets a trial's score when Tune adds the trial again. It would then judge the trial's next result
at any epoch, and compare it with scores of other epochs. This scheduler keeps the scores, and the snapshot of Tune's
state contains them (`callbacks/resume_snapshots.py`). The same snapshot has the trials' settings and checkpoints, which
population-based training changes. So a resumed search starts from one moment, and judges again what trials did since.
"""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import PopulationBasedTraining

from ..cluster.ray_internals import population_states

NUMBERS = ("last_score", "last_train_time", "last_perturbation_time")
"""For each trial: its score, the epoch of that score, and the epoch of its last comparison with others."""


class Population(PopulationBasedTraining):
    """Ray's population-based training, whose scores can be saved and restored."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._restored: dict[str, dict[str, Any]] = {}

    def memory(self) -> dict[str, dict[str, Any]]:
        """Trial id -> `NUMBERS`, and whether the trial has a checkpoint that others may copy (`copied`)."""
        return {trial.trial_id: {**{name: getattr(state, name) for name in NUMBERS},
                                 "copied": state.last_checkpoint is not None}
                for trial, state in population_states(self).items()}

    def remember(self, memory: dict[str, dict[str, Any]]) -> None:
        """Restore a result of `memory`, for trials that Tune adds from now on."""
        self._restored = dict(memory)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Tune adds a trial: a new one, or one that it resumes."""
        states = population_states(self)
        known = states.get(trial)
        super().on_trial_add(tune_controller, trial)
        if known is not None:
            states[trial] = known
        elif trial.trial_id in self._restored:
            saved, state = self._restored.pop(trial.trial_id), states[trial]
            for name in NUMBERS:
                setattr(state, name, saved[name])
            state.last_result = trial.last_result
            state.last_checkpoint = trial.checkpoint if saved["copied"] else None
