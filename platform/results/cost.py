"""The training cost of a configuration, and what a point that it gains costs.

The cost of a trial is its training time times the GPUs that it holds, or times the processors of a trial without GPU.
Validation, test and what is made once for all trials (detector, maps, features) are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..study.trial_record import FINISHED
from .history import TrialHistory

GPU, PROCESSOR = "GPU s", "processor s"


@dataclass(frozen=True)
class Cost:
    """The mean cost of a configuration's trials. seconds: of a GPU or of a processor, as the unit says."""

    seconds: float
    unit: str


def cost(trials: Sequence[TrialHistory]) -> Cost | None:
    """The cost of the trials that finished; None where one does not say it, or where some used GPUs and some did not.
    """
    found = [_of_trial(trial) for trial in trials if trial.status == FINISHED]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found) or len({one.unit for one in known}) > 1:
        return None
    return Cost(math.fsum(one.seconds for one in known) / len(known), known[0].unit)


def per_point(ours: Cost | None, theirs: Cost | None, gain: float | None) -> float | None:
    """The additional seconds of a trial for each percentage point of a gain, which is a fraction; None where there are
    no points, as of ranks. Negative where the gain saves time. None without a gain, or where the costs are unknown or
    have different units."""
    if ours is None or theirs is None or ours.unit != theirs.unit or gain is None or gain <= 0:
        return None
    return (ours.seconds - theirs.seconds) / (100 * gain)


def _of_trial(trial: TrialHistory) -> Cost | None:
    if trial.seconds is None or not (trial.gpus or trial.processors):
        return None
    return Cost(trial.seconds * trial.gpus, GPU) if trial.gpus else Cost(trial.seconds * trial.processors, PROCESSOR)
