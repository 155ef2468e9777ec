"""Population-based training that goes on where it was, after a search was interrupted or a trial lost its process.

Ray's own forgets what it knows of a trial when Tune adds the trial again. The trial's next result would then be judged
whatever its epoch, and compared with scores of other epochs. Here that knowledge stays, and becomes part of the note
that Tune's state is written to (`note_taking.py`). The same note has the trials' settings and checkpoints, which
population-based training changes. So a search goes on from one moment, and what trials did after it is judged anew.
"""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import PopulationBasedTraining

NUMBERS = ("last_score", "last_train_time", "last_perturbation_time")
"""Of a trial: the score that it is compared by, and the epochs of that score and of its last comparison."""


class Population(PopulationBasedTraining):
    """Ray's population-based training with a memory."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._noted: dict[str, dict[str, Any]] = {}

    def memory(self) -> dict[str, dict[str, Any]]:
        """By trial id: the numbers above, and whether others may go on from the trial's checkpoint (`copied`)."""
        return {trial.trial_id: {**{name: getattr(state, name) for name in NUMBERS},
                                 "copied": state.last_checkpoint is not None}
                for trial, state in self._trial_state.items()}

    def remember(self, memory: dict[str, dict[str, Any]]) -> None:
        """Take over what `memory` gave, for trials that are added from now on."""
        self._noted = dict(memory)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A trial is about to wait for its turn: a new one, or one that is taken up again."""
        known = self._trial_state.get(trial)
        super().on_trial_add(tune_controller, trial)
        if known is not None:
            self._trial_state[trial] = known
        elif trial.trial_id in self._noted:
            noted, state = self._noted.pop(trial.trial_id), self._trial_state[trial]
            for name in NUMBERS:
                setattr(state, name, noted[name])
            state.last_result = trial.last_result
            state.last_checkpoint = trial.checkpoint if noted["copied"] else None
