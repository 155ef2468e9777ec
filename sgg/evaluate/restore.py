"""From a checkpoint back to the system that wrote it, on the data it names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgg import checkpoint, systems
from sgg.config import validate
from sgg.data.mirroring import difference
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import configure_torch
from sgg.systems.contract import Check, Foundation, Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Restored:
    """A trained system with the foundation that it stands on."""

    foundation: Foundation
    predictor: Predictor
    checkpoint: checkpoint.Checkpoint


def restore(path: Path | str, changes: dict[str, dict[str, Any]] | None = None,
            allow_changed_plugin: bool = False) -> Restored:
    """The system of the checkpoint (or of a trial's newest one) at `path`.

    changes: settings by section that take the place of the trained ones, for example {"evaluation": {"ks": [50]}}.
    Raises ValueError where the data or the parts are not those that the system was trained on, and where it needs a
    plugin that is not loaded, or that has changed unless that is allowed.
    """
    found = checkpoint.open_checkpoint(path)
    found.require_plugins(allow_changed_plugin, "add --plugin {}")
    settings = {**found.meta["config"], "search": {}}  # what was searched for need not be what is measured now
    for section, values in (changes or {}).items():
        settings[section] = settings[section] | values
    config = validate(settings, str(found.path))
    foundation = systems.open_foundation(config, trained_on_the_same(found))
    configure_torch(config)
    predictor = foundation.build_predictor()
    found.load_weights(**predictor.networks)
    return Restored(foundation, predictor, found)


def trained_on_the_same(found: checkpoint.Checkpoint) -> Check:
    """Refuses other training data, pictures or parts than those of a checkpoint, before a part is trained, which takes
    minutes, and in vain. Tells where training would now mirror predicates otherwise, which changes no measurement."""
    def check(experiment: Experiment, parts: Mapping[str, str | None]) -> None:
        found.require_origin(experiment.data.hash, parts, {"train": experiment.pictures["train"]})
        if fault := difference(found.meta["data"].get("mirrored"), experiment.exchanged):
            log.warning("%s %s; its figures are measured all the same", found.path, fault)

    return check
