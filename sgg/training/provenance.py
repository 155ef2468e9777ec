"""What config.json and checkpoints say of a run: its settings, what they were used on, and the code that used them."""

from __future__ import annotations

from typing import Any, cast

from sgg.checkpoint.meta import CheckpointMeta
from sgg.common.versions import code_provenance
from sgg.experiment.torch_setup import computed_on
from sgg.systems.contract import Foundation, System

COMPUTED_ON = "computed_on"
"""The key under which both say the device, workers and threads."""


def config_file(foundation: Foundation, system: System) -> dict[str, Any]:
    """The content of config.json."""
    return {"config": foundation.experiment.config.model_dump(mode="json"), "data": foundation.provenance,
            **code_provenance(), COMPUTED_ON: computed_on(system.device)}


def meta_of(foundation: Foundation, system: System) -> CheckpointMeta:
    """The same for a checkpoint, with the hash of each part."""
    return cast(CheckpointMeta, {**config_file(foundation, system), **foundation.parts})
