"""The metrics of one trial under each variant of its adjustments, with the settings that tell it from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sgg.common.metric_names import GENERATOR, SETTINGS_OF_PARTS
from sgg.config.by_role import role_of
from sgg.config.loading.named_rows import ROW
from sgg.methods.variants import adjustments_in, values_by_variant, variants_of

from .adjusted import EVALUATION
from .basis import Basis, describe_data
from .read_trial import ReadTrial

SHARED = "shared"
"""The value of `augmentation.generator` for one that follows from settings and data, which tell it apart already."""


@dataclass(frozen=True)
class Outcome:
    """The metrics of one trial under one variant of the adjustments. measuring: its settings that say what is measured,
    but for adjustments."""

    settings: dict[str, Any]
    measuring: dict[str, Any]
    seed: int | None
    status: str
    basis: Basis
    metrics: dict[str, float]
    program: str = ""
    """Version and commit that trained it; "" for a trial of an earlier version, which does not say."""
    trial: int = 0
    """The number of its trial in `Collection.trials`."""
    began: bool = True
    """Whether its trial says what its data are; else they are those of its study's first trial."""
    block: str = ""
    """Its data set, where results of several are pooled."""


def outcomes_of(trial: ReadTrial, number: int) -> list[Outcome]:
    """The outcomes of a trial, one for each variant of its adjustments. number: its place in `Collection.trials`."""
    adjusted = adjustments_in(trial.metrics)  # only the names of metrics show those of a plugin
    variants = variants_of({key.removeprefix(EVALUATION): value for key, value in trial.settings.items()
                            if key.startswith(EVALUATION)}, adjusted)
    identity = {key: value for key, value in _identity(trial).items() if key.removeprefix(EVALUATION) not in adjusted}
    measuring = {key: value for key, value in trial.settings.items()
                 if (role := role_of(key)).acts == "measuring" and not role.swept}
    basis = Basis.of(trial.data)
    return [Outcome(identity | {EVALUATION + name: value for name, value in variant.items()}, measuring, trial.seed,
                    trial.record.status, basis, values, trial.program, number, trial.began is not None)
            for variant, values in zip(variants, values_by_variant(trial.metrics, variants), strict=True)]


def _identity(trial: ReadTrial) -> dict[str, Any]:
    """The settings that tell a trial's configuration from others, and the name of its row. A generator that is given by
    its path has its hash: at the same path there may be another one meanwhile."""
    values = trial.record.values
    identity = {ROW: values[ROW]} if ROW in values else {}
    identity |= {key: value for key, value in trial.settings.items() if role_of(key).identity}
    key, generator = SETTINGS_OF_PARTS[GENERATOR], trial.data.get("generator")
    if generator and identity.get(key) != SHARED:
        identity[key] = describe_data(str(identity.get(key)), generator)
    return identity
