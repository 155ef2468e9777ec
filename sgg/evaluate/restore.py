"""Restore the system that wrote a checkpoint, on the data that the checkpoint names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgg import checkpoint, systems
from sgg.config.loading.checking import validate_written
from sgg.data.mirroring import difference
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import configure_torch
from sgg.systems.contract import Check, Foundation, Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Restored:
    """A trained system with its foundation."""

    foundation: Foundation
    predictor: Predictor
    checkpoint: checkpoint.Checkpoint


def restore(path: Path | str, changes: dict[str, dict[str, Any]] | None = None,
            allow_changed_plugin: bool = False) -> Restored:
    """The system of the checkpoint at `path`, or of the newest checkpoint of the trial at `path`.

    changes: settings by section that replace those of training, for example {"evaluation": {"ks": [50]}}.
    allow_changed_plugin: accept plugins that have changed since training.

    Raises ValueError where the data or the parts are not those of training, and where a plugin is not loaded, has
    changed, or has a part that cannot be used.
    """
    found = checkpoint.open_checkpoint(path)
    found.require_plugins(allow_changed_plugin, "add --plugin {}")
    settings = {**found.meta["config"], "search": {}}  # the search metric of training need not be measured now
    settings["evaluation"] = settings["evaluation"] | {"val_images": None}  # that was for validation during training
    listed = settings["evaluation"].get("zero_shot_list")
    if listed and not Path(listed).expanduser().is_file():  # it is not needed to restore
        log.warning("evaluation.zero_shot_list: %s, which training named, does not exist, so zs-list is not measured; "
                    "--zero-shot-list of sgg.evaluate names another place", listed)
        settings["evaluation"]["zero_shot_list"] = None
    for section, values in (changes or {}).items():
        settings[section] = settings[section] | values
    config = validate_written(settings, str(found.path))
    foundation = systems.open_foundation(config, trained_on_the_same(found), "evaluation")
    configure_torch(config)
    predictor = foundation.build_predictor()
    found.load_weights(**predictor.networks)
    return Restored(foundation, predictor, found)


def trained_on_the_same(found: checkpoint.Checkpoint) -> Check:
    """A check that refuses training data, training images or parts other than those of a checkpoint.

    It runs before a part is trained, which would take minutes in vain. It logs a warning where training would now
    mirror predicates differently, because that changes no measurement.
    """
    def check(experiment: Experiment, parts: Mapping[str, str | None]) -> None:
        found.require_origin(experiment.data.hash, parts, {"train": experiment.image_hashes["train"]})
        if fault := difference(found.meta["data"].get("mirrored"), experiment.exchanged):
            log.warning("%s %s; this does not change its metrics", found.path, fault)

    return check
